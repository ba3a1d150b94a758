/** Perplexity of a text, at each depth: every position iterates, as each of them predicts a token. */
import { headFlops, positionFlops } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { meanLoss } from "./mean-loss.js";
import type { Subject } from "./subject.js";

export interface PerplexityOptions {
  /** Defaults to 1 to 4, and to 1 without a stream. */
  readonly depths?: readonly number[];
  /** The text is read in windows of so many tokens, each of which starts anew; defaults to the context, 512 at most. */
  readonly windowTokens?: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
}

export interface PerplexityRow {
  readonly depth: number;
  /** Nats per token. */
  readonly loss: number;
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Floating-point operations per predicted token. */
  readonly flops: number;
  /** Nats per token of each window, for paired intervals. */
  readonly windows: readonly number[];
}

/** @throws SstError `empty-prompt` for a text of fewer than two tokens; `contradiction` for iterations without a stream */
export async function textPerplexity(
  { model, codec }: Subject,
  text: string,
  options: PerplexityOptions = {},
): Promise<PerplexityRow[]> {
  const { config } = model;
  const { streamOff = false, windowTokens = Math.min(config.maxPositionEmbeddings, 512) } = options;
  const depths = options.depths ?? (config.stateStream && !streamOff ? [1, 2, 3, 4] : [1]);
  const windows = windowsOf(codec.encode(text), windowTokens);
  const rows: PerplexityRow[] = [];
  for (const depth of depths) {
    const losses: number[] = [];
    let [total, tokens, flops] = [0, 0, 0];
    for (const window of windows) {
      const { loss, labels } = await meanLoss(model, [window], { iterations: depth, streamOff });
      losses.push(loss);
      total += loss * labels;
      tokens += labels;
      for (let keys = 1; keys <= window.time; keys++) {
        flops += positionFlops(config, keys, depth, streamOff) + headFlops(config);
      }
    }
    const loss = total / tokens;
    rows.push({ depth, loss, perplexity: Math.exp(loss), tokens, flops: flops / tokens, windows: losses });
  }
  return rows;
}

function windowsOf(tokens: readonly number[], size: number) {
  if (tokens.length < 2) {
    throw new SstError("empty-prompt", `a perplexity needs at least two tokens, but the text has ${tokens.length}`);
  }
  const windows = [];
  for (let start = 0; start + 1 < tokens.length; start += size) {
    const time = Math.min(size, tokens.length - 1 - start);
    windows.push({
      batchSize: 1,
      time,
      tokens: Int32Array.from(tokens.slice(start, start + time)),
      labels: Int32Array.from(tokens.slice(start + 1, start + time + 1)),
    });
  }
  return windows;
}
