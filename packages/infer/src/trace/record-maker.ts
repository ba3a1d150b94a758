/** From the numbers of a pass to the figures of a trace, position by position. */
import type { ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { entropyNats, jensenShannonBits } from "../deliberation/measures.js";
import { joined } from "../joined.js";
import { logProbabilities, topLogProbabilities } from "../sampling/log-probabilities.js";
import type { DistributionFigures, StateFigures, TraceRecord } from "./trace-record.js";

/** Of a chunk, its columns being each position's iterations in order. */
export interface ColumnsRead {
  readonly tokens: readonly number[];
  readonly iterations: number;
  /** `[columns, vocabSize]`. */
  readonly logits: Float32Array;
  /** By layer `[columns, hiddenSize]`. */
  readonly states: readonly Float32Array[];
  /** By layer `[columns, vocabSize]`: final norm and head applied to its states. */
  readonly lenses: readonly Float32Array[];
}

interface Wishes {
  readonly topTokens?: number;
  readonly withStates?: boolean;
  readonly withDistributions?: boolean;
}

/** What the position before left after its last iteration. */
interface Before {
  readonly states: readonly Float32Array[];
  /** The logarithms of its probabilities. */
  readonly posterior: Float64Array;
}

export class RecordMaker {
  #position = 0;
  #before: Before | undefined;

  constructor(
    private readonly config: ModelConfig,
    private readonly wishes: Wishes,
  ) {}

  /** @throws SstError `not-finite` naming the layer and the position */
  *records(read: ColumnsRead, { origin, next }: Pick<TraceRecord, "origin" | "next">): Generator<TraceRecord> {
    for (const [index, token] of read.tokens.entries()) {
      const isLast = index === read.tokens.length - 1;
      yield this.#record(read, index, { token, origin, next: isLast ? next : (read.tokens[index + 1] as number) });
    }
  }

  #record(read: ColumnsRead, index: number, known: Pick<TraceRecord, "token" | "origin" | "next">): TraceRecord {
    const { vocabSize, hiddenSize } = this.config;
    const columns = Array.from({ length: read.iterations }, (_, iteration) => index * read.iterations + iteration);
    const rows = (values: Float32Array, size: number, what: string) =>
      columns.map((column) => this.#finite(values.subarray(column * size, (column + 1) * size), what));
    const states = read.states.map((values, layer) => rows(values, hiddenSize, `layer ${layer}'s state`));
    const logits = rows(read.logits, vocabSize, "the logits");
    const posteriors = logits.map(logProbabilities);
    const layers = states.map((ofLayer, layer) => {
      const lens = this.#distributions(rows(read.lenses[layer] as Float32Array, vocabSize, `layer ${layer}'s lens`));
      return ofLayer.map(
        (state, iteration): StateFigures => ({
          norm: norm(state),
          cosineToPosition: cosine(state, this.#before?.states[layer]),
          cosineToIteration: cosine(state, ofLayer[iteration - 1]),
          lens: lens[iteration] as DistributionFigures,
        }),
      );
    });
    const posterior = posteriors.at(-1) as Float64Array;
    const record: TraceRecord = {
      position: this.#position,
      ...known,
      posterior: this.#distributions(logits),
      positionShiftBits: this.#before ? jensenShannonBits(posterior, this.#before.posterior) : null,
      iterationShiftBits: posteriors.length > 1 ? jensenShannonBits(posterior, posteriors[0] as Float64Array) : null,
      layers,
      ...(this.wishes.withStates && { states: byIteration(states, columns.length) }),
      ...(this.wishes.withDistributions && { distributions: joined(posteriors.map((logs) => logs.map(Math.exp))) }),
    };
    this.#before = { states: states.map((ofLayer) => (ofLayer.at(-1) as Float32Array).slice()), posterior };
    this.#position++;
    return record;
  }

  #distributions(logitsByIteration: readonly Float32Array[]): DistributionFigures[] {
    const byIteration = logitsByIteration.map(logProbabilities);
    return byIteration.map((logs, iteration) => {
      const before = byIteration[iteration - 1];
      const top = topLogProbabilities(logitsByIteration[iteration] as Float32Array, this.wishes.topTokens ?? 5);
      return {
        entropyNats: entropyNats(logs),
        divergenceBits: before ? jensenShannonBits(logs, before) : null,
        top: top.map(({ token, logProbability }) => ({ token, probability: Math.exp(logProbability) })),
      };
    });
  }

  #finite(values: Float32Array, what: string): Float32Array {
    if (values.every(Number.isFinite)) return values;
    throw new SstError(
      "not-finite",
      `${what} at position ${this.#position} is not finite: the weights or their format do not hold this input`,
    );
  }
}

function norm(values: Float32Array): number {
  return Math.sqrt(dot(values, values));
}

/** Null where there is nothing to compare with, or one of the two has no direction. */
function cosine(values: Float32Array, others: Float32Array | undefined): number | null {
  if (others === undefined) return null;
  const lengths = norm(values) * norm(others);
  return lengths === 0 ? null : Math.max(-1, Math.min(1, dot(values, others) / lengths));
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] as number) * (right[index] as number);
  return sum;
}

function byIteration(states: readonly (readonly Float32Array[])[], iterations: number): Float32Array {
  return joined(
    Array.from({ length: iterations }, (_, iteration) =>
      states.map((ofLayer) => ofLayer[iteration] as Float32Array),
    ).flat(),
  );
}
