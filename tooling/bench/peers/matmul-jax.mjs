/** jax-js' matrix products on WebAssembly, compiled. */
import { operands, secondsPerRun, serve } from "../dist/peer-kit.js";

const MEASURED_MS = 100;

await serve(async () => {
  const jax = await import("@jax-js/jax");
  const np = jax.numpy;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const prepared = new Map();

  return async (product) => {
    const key = JSON.stringify(product);
    if (!prepared.has(key)) {
      const { a, b } = operands(product);
      const left = np.array(a.data, { shape: a.shape });
      const right = np.array(b.data, { shape: b.shape });
      const compiled = jax.jit((x, y) =>
        np.matmul(product.transposeA ? x.transpose() : x, product.transposeB ? y.transpose() : y),
      );
      // An operation uses its operands up; `ref` keeps them.
      const multiply = () => compiled(left.ref, right.ref);
      prepared.set(key, { multiply, last: (await multiply().data()).at(-1) });
    }
    const { multiply, last } = prepared.get(key);
    const run = async () => {
      const result = multiply();
      await jax.blockUntilReady(result);
      result.dispose();
    };
    return { seconds: await secondsPerRun(run, MEASURED_MS), last };
  };
});
