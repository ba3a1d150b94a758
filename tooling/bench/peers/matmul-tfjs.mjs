/** TensorFlow.js' matrix products on WebAssembly. The result stays there, as ours does. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { operands, secondsPerRun, serve } from "../dist/peer-kit.js";

const MEASURED_MS = 100;

await serve(async () => {
  const tf = await import("@tensorflow/tfjs-core");
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm")))}/`);
  await tf.setBackend("wasm");
  await tf.ready();
  const prepared = new Map();

  return async (product) => {
    const key = JSON.stringify(product);
    if (!prepared.has(key)) {
      const { a, b } = operands(product);
      const left = tf.tensor(a.data, a.shape);
      const right = tf.tensor(b.data, b.shape);
      const multiply = () => tf.matMul(left, right, product.transposeA, product.transposeB);
      prepared.set(key, { multiply, last: (await multiply().data()).at(-1) });
    }
    const { multiply, last } = prepared.get(key);
    return { seconds: await secondsPerRun(() => multiply().dispose(), MEASURED_MS), last };
  };
});
