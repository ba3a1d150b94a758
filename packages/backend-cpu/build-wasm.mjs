/**
 * Compiles `assembly/` to WebAssembly and writes it into `src/generated/` as a TypeScript module, so that the package
 * needs no file beside its code; and puts TensorFlow.js' own binaries where a browser's bundler finds them.
 */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { main } from "assemblyscript/asc";

const outputs = new Map();
const { error, stderr } = await main(
  ["assembly/index.ts", "--outFile", "kernels.wasm", "-O3", "--noAssert", "--runtime", "stub", "--importMemory"].concat(
    ["--noExportMemory", "--enable", "simd", "--enable", "bulk-memory"],
  ),
  { writeFile: (name, contents) => outputs.set(name, contents) },
);
const warnings = stderr.toString();
if (error !== null || warnings !== "") throw new Error(`AssemblyScript: ${error?.message ?? ""}\n${warnings}`);

const base64 = Buffer.from(outputs.get("kernels.wasm")).toString("base64");
await mkdir("src/generated", { recursive: true });
await writeFile(
  "src/generated/kernels-wasm.ts",
  `/** Compiled from assembly/ by build-wasm.mjs. */\nexport const kernelsWasmBase64 =\n  "${base64}";\n`,
);

const engineFolder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
await mkdir("wasm", { recursive: true });
for (const name of ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"]) {
  await cp(join(engineFolder, name), join("wasm", name));
}
