/**
 * Compiles `assembly/` to WebAssembly and writes it into `src/generated/` as a TypeScript module, so that the package
 * needs no file beside its code: once with relaxed SIMD and once without, for engines that do not have it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { main } from "assemblyscript/asc";

/** The import of the memory, up to the byte that says whether it is shared. */
const MEMORY_IMPORT = Buffer.from("\x03env\x06memory\x02", "latin1");

async function compile(features) {
  const outputs = new Map();
  const { error, stderr } = await main(
    [
      "assembly/index.ts",
      ...["--outFile", "kernels.wasm", "-O3", "--noAssert", "--runtime", "stub", "--memoryBase", "1024"],
      ...["--importMemory", "--noExportMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
      ...["simd", "bulk-memory", "threads", ...features].flatMap((feature) => ["--enable", feature]),
    ],
    { writeFile: (name, contents) => outputs.set(name, contents) },
  );
  const warnings = stderr.toString();
  if (error !== null || warnings !== "") throw new Error(`AssemblyScript: ${error?.message ?? ""}\n${warnings}`);
  const binary = Buffer.from(outputs.get("kernels.wasm"));
  const memory = binary.indexOf(MEMORY_IMPORT);
  if (memory < 0 || binary.includes(MEMORY_IMPORT, memory + 1)) throw new Error("the module should import one memory");
  return { base64: binary.toString("base64"), sharedFlag: memory + MEMORY_IMPORT.length };
}

const modules = { relaxed: await compile(["relaxed-simd"]), plain: await compile([]) };
await mkdir("src/generated", { recursive: true });
await writeFile(
  "src/generated/kernels-wasm.ts",
  `/** Compiled from assembly/ by build-wasm.mjs, the one to try first first; \`sharedFlag\` is where the byte lies that asks for a shared memory. */
export const kernelModules = ${JSON.stringify(modules, null, 2)};
`,
);
