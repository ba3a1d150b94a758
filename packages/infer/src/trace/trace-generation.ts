/** A generation that is looked at: the tokens that `generate` gives, and what the model went through for each. */
import {
  type DecodeCaches,
  type DecoderModel,
  forward,
  head,
  KvCache,
  LatentStateCache,
  type ModelWeights,
  requireCount,
  tokenTensor,
} from "@sst/layers";
import { Random, SstError, type Tensor, tidy } from "@sst/tensor";
import type { DeliberationPolicy } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import { type PromptedOptions, requireRequest } from "../request.js";
import { Sampler } from "../sampling/sampler.js";
import { CollectedStates } from "./collected-states.js";
import { readDeliberated } from "./read-deliberated.js";
import { type ColumnsRead, RecordMaker } from "./record-maker.js";
import type { TraceRecord } from "./trace-record.js";

export interface TraceOptions extends PromptedOptions {
  /** Defaults to 0: the prompt alone. The last token is chosen, not read, so it has no record of its own. */
  readonly maxNewTokens?: number;
  /**
   * In place of `iterations`, how long the model thinks at each position that gives a token; those of the prompt before it have
   * `promptIterations`, by default 1.
   */
  readonly deliberation?: DeliberationPolicy;
  /** How many of the likeliest tokens are named; defaults to 5. */
  readonly topTokens?: number;
  /** Adds full states to the records. */
  readonly withStates?: boolean;
  /** Adds full next-token distributions to the records. */
  readonly withDistributions?: boolean;
}

/** Numbers of one layer's logits that are held at a time, which bounds memory for long prompts and large vocabularies. */
const logitsAtOnce = 2 ** 21;

/** Columns that are read at a time at most. */
const columnsAtOnce = 128;

/**
 * Record by record, by the exact solver and as far as the reader goes. The prompt is read in chunks, what follows token by token.
 *
 * @throws SstError before the first record: `empty-prompt`, `unknown-token`, `context-overflow`, `contradiction` and
 * `invalid-argument` for options; `not-finite` where a state or a logit is not a finite number; what the policy throws
 */
export async function* traceGeneration(
  model: DecoderModel,
  prompt: readonly number[],
  options: TraceOptions = {},
): AsyncGenerator<TraceRecord, void, void> {
  const { maxNewTokens = 0, stopTokens = [], streamOff = false, signal } = options;
  const depths = depthsOf(options);
  requireRequest(model.config, prompt, { ...options, ...depths }, maxNewTokens, 0);
  requireCount("topTokens", options.topTokens ?? 5);
  const sampler = new Sampler(options, { prompt, random: new Random(options.seed ?? 0) });
  const weights = model.weights();
  const kv = new KvCache(model.config, 1, prompt.length + Math.max(0, maxNewTokens - 1));
  const states = new LatentStateCache(model.config, 1);
  const maker = new RecordMaker(weights.config, options);
  const deliberation = options.deliberation?.start();
  const read = ({ tokens, iterations }: Chunk) => {
    const caches = { kv, states };
    if (deliberation === undefined || iterations !== undefined) {
      return readColumns(weights, tokens, iterations ?? depths.iterations, caches, streamOff);
    }
    const at = { position: kv.length, isFirstGenerated: kv.length === prompt.length - 1 };
    return readDeliberated(weights, tokens[0] as number, caches, deliberation, at, {
      maximum: depths.iterations,
      streamOff,
    });
  };
  const ofGenerated = deliberation === undefined ? depths.iterations : undefined;
  try {
    let position = 0;
    let chosen: number | null = null;
    for (const chunk of promptChunks(prompt, model.config.vocabSize, depths.promptIterations, ofGenerated)) {
      signal?.throwIfAborted();
      const columns = await read(chunk);
      position += chunk.tokens.length;
      if (position === prompt.length && maxNewTokens > 0) chosen = choose(columns, sampler);
      yield* maker.records(columns, { origin: "prompt", next: prompt[position] ?? chosen });
    }
    for (let count = 1; count < maxNewTokens && !stopTokens.includes(chosen as number); count++) {
      signal?.throwIfAborted();
      const columns = await read({ tokens: [chosen as number], iterations: ofGenerated });
      chosen = choose(columns, sampler);
      yield* maker.records(columns, { origin: "generated", next: chosen });
    }
  } finally {
    kv.dispose();
    states.dispose();
    weights.dispose();
  }
}

/** The most iterations of each kind of position. @throws SstError `contradiction` */
function depthsOf({ deliberation, iterations, promptIterations }: TraceOptions) {
  if (deliberation === undefined) {
    return { iterations: iterations ?? 1, promptIterations: promptIterations ?? iterations ?? 1 };
  }
  if (iterations === undefined) return { iterations: deliberation.maximum, promptIterations: promptIterations ?? 1 };
  throw new SstError("contradiction", "iterations and deliberation both say how long to think: give one of them");
}

interface Chunk {
  readonly tokens: readonly number[];
  /** Undefined for one position whose policy says it. */
  readonly iterations: number | undefined;
}

function promptChunks(
  prompt: readonly number[],
  vocabSize: number,
  promptIterations: number,
  lastIterations: number | undefined,
): Chunk[] {
  const split = (tokens: readonly number[]): Chunk[] => {
    const columns = Math.min(columnsAtOnce, Math.floor(logitsAtOnce / vocabSize));
    const positions = Math.max(1, Math.floor(columns / promptIterations));
    const chunks = Math.ceil(tokens.length / positions);
    return Array.from({ length: chunks }, (_, index) => ({
      tokens: tokens.slice(index * positions, (index + 1) * positions),
      iterations: promptIterations,
    }));
  };
  if (promptIterations === lastIterations) return split(prompt);
  return [...split(prompt.slice(0, -1)), { tokens: prompt.slice(-1), iterations: lastIterations }];
}

/** Logits and states of a chunk in host memory. */
async function readColumns(
  weights: ModelWeights,
  tokens: readonly number[],
  iterations: number,
  caches: DecodeCaches,
  streamOff: boolean,
): Promise<ColumnsRead> {
  const collected = new CollectedStates(weights.config.numHiddenLayers);
  const tokensOnDevice = tokenTensor([tokens], weights.config);
  try {
    const logits = forward(weights, tokensOnDevice, {
      caches,
      iterations,
      streamOff,
      everyIteration: true,
      onStates: collected.add,
    });
    const values = (await take(logits)) as Float32Array;
    const byLayer = collected.joined();
    const lenses: Float32Array[] = [];
    const states: Float32Array[] = [];
    for (const layer of byLayer) {
      lenses.push((await take(tidy(() => head(layer, weights)) as Tensor)) as Float32Array);
      states.push((await layer.data()) as Float32Array);
    }
    return { tokens, iterations, logits: values, states, lenses };
  } finally {
    collected.dispose();
    tokensOnDevice.dispose();
  }
}

/** What comes after a chunk's last column. */
function choose({ logits, tokens, iterations }: ColumnsRead, sampler: Sampler): number {
  const vocabSize = logits.length / (tokens.length * iterations);
  return sampler.next(logits.slice(-vocabSize)).token;
}
