/** llama.cpp's decoding as JavaScript sees it, through node-llama-cpp: `node decoding-llama-cpp.mjs FILE`, greedily. */
import { prompt, serve } from "../dist/peer-kit.js";

const [file] = process.argv.slice(2);

await serve(async () => {
  const { getLlama } = await import("node-llama-cpp");
  const llama = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: "error", maxThreads: 1 });
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({ contextSize: 256, batchSize: 64, threads: { ideal: 1, min: 1 } });
  const sequence = context.getSequence();

  return async ({ count }) => {
    await sequence.clearHistory();
    const tokens = [];
    let started = 0;
    // Ends of text mean nothing to random weights.
    const options = { temperature: 0, repeatPenalty: false, yieldEogToken: true };
    for await (const token of sequence.evaluate(prompt, options)) {
      if (tokens.length === 0) started = performance.now();
      tokens.push(token);
      if (tokens.length > count) break;
    }
    return { seconds: (performance.now() - started) / 1000 / count, tokens };
  };
});
