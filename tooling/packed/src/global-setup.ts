/** Packs every publishable package once for all tests, and clears everything away afterwards. */
import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type Packed, packWorkspace } from "./pack.js";

declare module "vitest" {
  export interface ProvidedContext {
    packed: Packed;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // The real path: on macOS the temporary folder is a link, and Vite serves nothing that seems to lie elsewhere.
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "sst-packed-"));
  const clear = () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  try {
    mkdirSync(join(folder, "tarballs"));
    project.provide("packed", await packWorkspace(folder));
  } catch (error) {
    await clear();
    throw error;
  }
  return clear;
}
