/** Compiles programs, once for each device, and finds out whether they are valid. */
import { SstError } from "@sst/tensor";
import { type Program, programKey, sourceOf } from "./program.js";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export class PipelineCache {
  readonly #pipelines = new Map<string, Pipeline>();
  /** Compilations whose verdict is still out. */
  readonly #pending = new Set<Promise<void>>();
  #failure: SstError | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** A pipeline that is invalid is returned all the same: a device says so only later. */
  get(program: Program): Pipeline {
    const key = programKey(program);
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const { device } = this;
    const code = sourceOf(program);
    device.pushErrorScope("validation");
    device.pushErrorScope("internal");
    const shader = device.createShaderModule({ label: program.name, code });
    const layout = device.createBindGroupLayout({ label: program.name, entries: layoutEntries(program) });
    const pipeline = device.createComputePipeline({
      label: program.name,
      layout: device.createPipelineLayout({ label: program.name, bindGroupLayouts: [layout] }),
      compute: { module: shader, entryPoint: "main" },
    });
    const verdict = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const found = { pipeline, layout };
    this.#pipelines.set(key, found);
    const check = this.#check(key, shader, code, verdict).finally(() => this.#pending.delete(check));
    this.#pending.add(check);
    return found;
  }

  /** What is wrong with a program that was compiled since the last call, if anything. Waits until that is known. */
  async takeFailure(): Promise<SstError | undefined> {
    await Promise.all(this.#pending);
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  async #check(
    key: string,
    shader: GPUShaderModule,
    code: string,
    verdict: Promise<(GPUError | null)[]>,
  ): Promise<void> {
    // A device that is lost has no verdict; that it is lost is said elsewhere.
    const [internal, validation] = await verdict.catch(() => []);
    const error = validation ?? internal;
    if (!error) return;
    // The next use compiles again, and fails again.
    this.#pipelines.delete(key);
    const complaint = (await compilerComplaint(shader, code)) ?? error.message;
    this.#failure ??= new SstError("shader-invalid", `webgpu: the program "${key}" is not valid: ${complaint}`);
  }
}

function layoutEntries({ buffers }: Program): GPUBindGroupLayoutEntry[] {
  const types: GPUBufferBindingType[] = Object.values(buffers).map((type) =>
    type.startsWith("in") ? "read-only-storage" : "storage",
  );
  return [...types, "uniform" as const].map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
}

/** The compiler's first error with the line that it means; none where the shader is fine and the pipeline is not. */
async function compilerComplaint(shader: GPUShaderModule, code: string): Promise<string | undefined> {
  const { messages } = await shader.getCompilationInfo();
  const error = messages.find(({ type }) => type === "error");
  if (error === undefined) return undefined;
  const line = code.split("\n")[error.lineNum - 1]?.trim();
  return `${error.message} (line ${error.lineNum}: \`${line}\`)`;
}
