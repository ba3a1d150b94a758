/** llama.cpp through node-llama-cpp, set so that it computes in float32 and tells the probabilities of all tokens. */
import { getLlama, type Llama, type Token } from "node-llama-cpp";

async function start(): Promise<{ readonly llama?: Llama; readonly reason: string }> {
  try {
    // It may neither build nor download anything: what runs is the prebuilt binary, or nothing.
    const options = { gpu: false, build: "never", skipDownload: true, progressLogs: false, maxThreads: 1 } as const;
    return { llama: await getLlama({ ...options, logger: () => {} }), reason: "" };
  } catch (error) {
    return { reason: `llama.cpp does not run here: ${error instanceof Error ? error.message : error}` };
  }
}

const { llama, reason } = await start();

/** Why there is no engine; empty where there is one. */
export const engineMissing = reason;

/** Of each position the natural logarithms of the next token's probabilities, by token. */
export async function logProbabilitiesOfLlamaCpp(file: string, tokens: readonly number[]): Promise<Float64Array[]> {
  const model = await loadInLlamaCpp(file);
  try {
    const context = await model.createContext({
      // A context that is full shifts.
      contextSize: tokens.length + 64,
      batchSize: tokens.length,
      threads: 1,
      // Its defaults round keys, values and products to halves.
      flashAttention: false,
      experimentalKvCacheKeyType: "F32",
      experimentalKvCacheValueType: "F32",
    });
    const next = { generateNext: { probabilities: true, options: { temperature: 0 } } };
    const given = await context.getSequence().controlledEvaluate(tokens.map((token) => [token as Token, next]));
    return given.map((output) => {
      const probabilities = output?.next.probabilities;
      if (probabilities === undefined) throw new Error("llama.cpp gave no probabilities");
      const logs = new Float64Array(probabilities.size);
      for (const [token, probability] of probabilities) logs[token] = Math.log(probability);
      return logs;
    });
  } finally {
    await model.dispose();
  }
}

export async function loadInLlamaCpp(file: string) {
  if (llama === undefined) throw new Error(engineMissing);
  return llama.loadModel({ modelPath: file, useMmap: false });
}
