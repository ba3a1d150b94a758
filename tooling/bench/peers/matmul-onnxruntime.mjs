/** onnxruntime's matrix products, native. Both operands are inputs of the graph, so that neither is packed beforehand. */
import { readFileSync } from "node:fs";
import { operands, secondsPerRun, serve } from "../dist/peer-kit.js";

const MEASURED_MS = 100;

/** Where `onnxGemm` has put the graph of each kind of product. */
const [folder] = process.argv.slice(2);

await serve(async () => {
  const ort = await import("onnxruntime-node");
  const prepared = new Map();

  return async (product) => {
    const key = JSON.stringify(product);
    if (!prepared.has(key)) {
      const file = `${folder}/gemm-${Number(product.transposeA)}${Number(product.transposeB)}.onnx`;
      const session = await ort.InferenceSession.create(readFileSync(file), { intraOpNumThreads: 1 });
      const { a, b } = operands(product);
      const feeds = { a: new ort.Tensor("float32", a.data, a.shape), b: new ort.Tensor("float32", b.data, b.shape) };
      const multiply = () => session.run(feeds);
      prepared.set(key, { multiply, last: (await multiply()).c.data.at(-1) });
    }
    const { multiply, last } = prepared.get(key);
    return { seconds: await secondsPerRun(multiply, MEASURED_MS), last };
  };
});
