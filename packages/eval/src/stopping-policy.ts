/** How long a model thinks at each position that it generates: a row of an evaluation. */
import { generate } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";

export interface CompletionRequest {
  readonly maxNewTokens: number;
  readonly stopTokens: readonly number[];
  /** Runs the plain backbone. */
  readonly streamOff: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A token, and the iterations that were run at the position that gave it: the last of the prompt for the first token. */
export interface CompletedToken {
  readonly token: number;
  readonly iterations: number;
}

export interface StoppingPolicy {
  /** Names the row, and what was evaluated already in a results file. */
  readonly name: string;
  /** The continuation of a prompt, which is read with one iteration up to its last position. */
  complete(model: DecoderModel, prompt: readonly number[], request: CompletionRequest): AsyncIterable<CompletedToken>;
}

/** The same number of iterations at every generated position. */
export function fixedDepth(iterations: number): StoppingPolicy {
  return {
    name: depthName(iterations),
    async *complete(model, prompt, { signal, ...request }) {
      const options = { ...request, iterations, promptIterations: 1, ...(signal && { signal }) };
      for await (const token of generate(model, prompt, options)) yield { token, iterations };
    },
  };
}

export function depthName(iterations: number): string {
  return `depth ${iterations}`;
}
