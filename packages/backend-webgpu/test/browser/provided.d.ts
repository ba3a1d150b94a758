import type { GoldenModel } from "../golden-files.js";

declare module "vitest" {
  interface ProvidedContext {
    goldenModels: GoldenModel[];
  }
}
