/** `node loading.js FOLDER`: seconds until the model in the folder is ready, or until its file is in memory. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import "@sst/backend-cpu";
import { generate } from "@sst/infer";
import { loadModel } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { serve } from "../engine/serve.js";
import { prompt } from "../models/prompt.js";

const [folder = ""] = process.argv.slice(2);

await serve(async () => {
  await ready({ backend: "cpu" });

  return async ({ what }: { what: "file" | "fileAtOnce" | "model" | "token" }) => {
    const started = performance.now();
    if (what.startsWith("file")) {
      const file = join(folder, "model.safetensors");
      if (what === "file") await readFile(file);
      else readFileSync(file);
      return { seconds: (performance.now() - started) / 1000 };
    }
    using model = await loadModel(folder);
    if (what === "token") for await (const _ of generate(model, prompt.slice(0, 1), { maxNewTokens: 1 }));
    return { seconds: (performance.now() - started) / 1000 };
  };
});
