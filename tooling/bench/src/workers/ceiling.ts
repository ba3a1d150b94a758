/** Floating-point operations a second of WebAssembly's SIMD, as seconds of one run of a kernel. */
import { secondsPerRun, serve } from "../engine/serve.js";
import { type CeilingKernel, ceilingKernel, type TimedKernel } from "../wasm/multiply-add.js";

const MEASURED_MS = 100;

await serve(async () => {
  const kernels = new Map<CeilingKernel, TimedKernel>();

  return async ({ kernel }: { kernel: CeilingKernel }) => {
    const timed = kernels.get(kernel) ?? ceilingKernel(kernel);
    kernels.set(kernel, timed);
    // Per operation: kernels run as many as they like.
    return { seconds: (await secondsPerRun(timed.run, MEASURED_MS)) / timed.operations };
  };
});
