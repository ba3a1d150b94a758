/** What a page has to load: our packages as one bundle. */

import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Measurement } from "../measurement.js";
import type { Findings, Row } from "../results.js";

const packages = ["@sst/tensor", "@sst/layers", "@sst/infer", "@sst/backend-cpu"];

const zipped = "gzipped, KB";

export const bundle: Measurement = { name: "bundle", title: "Bundle", measure };

async function measure(): Promise<Findings> {
  const rows = [
    sizeRow("ours", await bundled(["@tensorflow/*"]), 200),
    sizeRow("with TensorFlow.js", await bundled([])),
    ...(await binaries()).map(([name, bytes]) => sizeRow(`beside it, on demand: ${name}`, bytes)),
  ];
  return {
    introduction:
      `${packages.map((name) => `\`${name}\``).join(", ")} with all that they export, bundled and minified by esbuild for ` +
      "browsers; 1 KB is 1,000 bytes.",
    tables: [{ title: "Bundle", columns: ["minified, KB", zipped], rows }],
  };
}

async function bundled(external: string[]): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: {
      contents: packages.map((name, index) => `export * as p${index} from "${name}";`).join("\n"),
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    // Taken in Node only.
    external: [...external, "node:*", "fs", "path", "os", "util", "crypto", "perf_hooks", "worker_threads"],
    logLevel: "error",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** The WebAssembly files that the package has beside its code, if any. */
async function binaries(): Promise<[string, Uint8Array][]> {
  const code = createRequire(import.meta.url).resolve("@sst/backend-cpu");
  const folder = join(dirname(dirname(code)), "wasm");
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as [string, Uint8Array]));
}

function sizeRow(label: string, bytes: Uint8Array, below?: number): Row {
  const values = [bytes.byteLength / 1000, gzipSync(bytes, { level: 9 }).byteLength / 1000];
  return { label, values, ...(below !== undefined && { target: { atMost: below, column: zipped } }) };
}
