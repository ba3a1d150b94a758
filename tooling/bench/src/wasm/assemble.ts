/** WebAssembly text to a function that can be called. */
import wabt from "wabt";
import { EngineError } from "../engine/errors.js";

const assembler = await wabt();

/** The exports of a module in the text format. @throws EngineError where this engine lacks an instruction */
export function assemble(text: string): Record<string, (...values: number[]) => number> {
  const module = assembler.parseWat("kernel.wat", text, { simd: true, relaxed_simd: true });
  try {
    const bytes = new Uint8Array(module.toBinary({}).buffer);
    if (!WebAssembly.validate(bytes)) throw new EngineError("this version of Node lacks an instruction");
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as ReturnType<typeof assemble>;
  } finally {
    module.destroy();
  }
}
