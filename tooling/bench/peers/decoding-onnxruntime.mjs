/** onnxruntime's decoding: `node decoding-onnxruntime.mjs FILE LAYERS KEY_VALUE_HEADS HEAD_SIZE`, greedily after the common prompt. */
import { prompt, serve } from "../dist/peer-kit.js";

const [file, ...sizes] = process.argv.slice(2);
const [layers, heads, headSize] = sizes.map(Number);

await serve(async () => {
  const ort = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const caches = ["K", "V"].flatMap((part) => Array.from({ length: layers }, (_, layer) => `${part}${layer}`));

  return async ({ count }) => {
    let length = 0;
    let past = Object.fromEntries(
      caches.map((name) => [`past${name}`, new ort.Tensor("float32", new Float32Array(0), [1, heads, 0, headSize])]),
    );
    const next = async (ids) => {
      length += ids.length;
      const results = await session.run({
        tokens: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
        lastIndex: new ort.Tensor("int32", Int32Array.of(length - 1), [1]),
        length: new ort.Tensor("int32", Int32Array.of(length), []),
        ...past,
      });
      past = Object.fromEntries(caches.map((name) => [`past${name}`, results[`present${name}`]]));
      return indexOfLargest(results.logits.data);
    };
    const tokens = [await next(prompt)];
    const started = performance.now();
    while (tokens.length <= count) tokens.push(await next([tokens.at(-1)]));
    return { seconds: (performance.now() - started) / 1000 / count, tokens };
  };
});

function indexOfLargest(values) {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index] > values[best]) best = index;
  return best;
}
