/**
 * The whole model in float64, in plain loops over the kernels' oracles: slow, and by its plainness right. It is held
 * against golden values where they are, and stands in for them elsewhere.
 */
import { type ModelData, type Propagation, type Solver, thetaName } from "@sst/layers";
import {
  causalAttentionOracle,
  embeddingLookupOracle,
  gatedActivationOracle,
  type HostArray,
  rmsNormOracle,
  rotaryEmbeddingOracle,
  stateBlendOracle,
} from "@sst/tensor/conformance";
import { add, linear, reshape, toFloat64 } from "./linear-algebra.js";
import { rotaryAngle } from "./rotary-angles.js";

export interface OracleOptions {
  readonly streamOff?: boolean;
  readonly solver?: Solver;
  readonly sweeps?: number;
  readonly propagation?: Propagation;
  readonly iterations?: number;
}

/** One run: the logits, and for a parallel solver the states that the last sweep or pass blended in, by layer. */
export interface OracleRun {
  /** `[batch, time, vocabSize]`. */
  readonly logits: HostArray;
  readonly blended: readonly HostArray[];
}

/** A model's weights in float64, by name. */
export type OracleWeights = Readonly<Record<string, HostArray>>;

export function oracleWeights(data: ModelData): OracleWeights {
  if (data.adapter !== undefined) throw new Error("the oracle knows no adapters: merge them into the weights first");
  return Object.fromEntries(Object.entries(data.weights).map(([name, tensor]) => [name, toFloat64(tensor)]));
}

/**
 * @param frozen blended states to use in place of those that the sweeps would give: the constants of a gradient that
 * stops at the last sweep
 */
export function runOracle(
  config: ModelData["config"],
  weights: OracleWeights,
  tokens: readonly (readonly number[])[],
  options: OracleOptions = {},
  frozen?: readonly HostArray[],
): OracleRun {
  if (config.stateStream?.recirculate && (options.iterations ?? 1) > 1) {
    throw new Error("with recirculation, positions do not run side by side: ask `runSteps`");
  }
  return new OracleModel(config, weights, tokens, options).run(frozen);
}

class OracleModel {
  readonly #iterations: number;
  readonly #sweeps: number;
  readonly #batch: number;
  readonly #time: number;
  readonly #columns: number;

  constructor(
    private readonly config: ModelData["config"],
    private readonly weights: OracleWeights,
    private readonly tokens: readonly (readonly number[])[],
    private readonly options: OracleOptions,
  ) {
    this.#iterations = options.iterations ?? 1;
    this.#sweeps = options.sweeps ?? 2;
    this.#batch = tokens.length;
    this.#time = tokens[0]?.length ?? 0;
    this.#columns = this.#time * this.#iterations;
  }

  run(frozen: readonly HostArray[] | undefined): OracleRun {
    const { solver = "sequential", streamOff = false } = this.options;
    const blended: HostArray[] = [];
    const given = frozen ?? (solver === "two-pass" && !streamOff ? this.#rollOut() : undefined);
    const y = this.#layers((a, layer) => {
      if (streamOff || this.config.stateStream === undefined) return this.#feedForward(a, layer);
      if (solver === "sequential") return this.#sequential(a, layer);
      const states = given?.[layer] ?? (solver === "layerwise" ? this.#sweepLayer(a, layer) : undefined);
      if (states === undefined) return this.#feedForward(a, layer);
      blended[layer] = states;
      return this.#feedForward(this.#blend(a, states, layer), layer);
    });
    return { logits: this.#head(this.#lastIterations(y)), blended };
  }

  #weight(name: string): HostArray {
    return this.weights[name] as HostArray;
  }

  /** Embedding and all layers; `solve` turns post-attention hidden states into a layer's output. */
  #layers(solve: (a: HostArray, layer: number) => HostArray): HostArray {
    let x = this.#embed();
    for (let layer = 0; layer < this.config.numHiddenLayers; layer++) x = solve(this.#attend(x, layer), layer);
    return x;
  }

  #embed(): HostArray {
    const columns = this.tokens.flatMap((row) =>
      row.flatMap((token) => new Array<number>(this.#iterations).fill(token)),
    );
    const tokens = { shape: [this.#batch, this.#columns], data: Float64Array.from(columns) };
    const { y } = embeddingLookupOracle({ table: this.#weight("model.embed_tokens.weight"), tokens }, {});
    const { shape, data } = y as HostArray;
    return { shape, data: data.map((value) => value * (this.config.embeddingScale ?? 1)) };
  }

  #norm(x: HostArray, name: string): HostArray {
    const { shape, data } = this.#weight(`${name}.weight`);
    const weight = { shape, data: data.map((value) => (this.config.unitOffsetNorm ? 1 + value : value)) };
    return rmsNormOracle({ x, weight }, { epsilon: this.config.rmsNormEps }).y as HostArray;
  }

  #linear(x: HostArray, name: string): HostArray {
    const y = linear(x, this.#weight(`${name}.weight`));
    const bias = this.weights[`${name}.bias`];
    if (bias === undefined) return y;
    return { shape: y.shape, data: y.data.map((value, i) => value + (bias.data[i % bias.data.length] as number)) };
  }

  #attend(x: HostArray, layer: number): HostArray {
    const { headDim, queryPreAttnScalar = headDim, slidingWindow = 0 } = this.config;
    const prefix = `model.layers.${layer}`;
    const n = this.#norm(x, `${prefix}.input_layernorm`);
    const heads = (name: string) => {
      const projected = this.#linear(n, `${prefix}.self_attn.${name}`);
      return reshape(projected, [this.#batch, this.#columns, (projected.shape[2] as number) / headDim, headDim]);
    };
    const normed = (name: string) => {
      const rows = heads(`${name}_proj`);
      return this.config.queryKeyNorm ? this.#norm(rows, `${prefix}.self_attn.${name}_norm`) : rows;
    };
    const table = this.#rotaryTable(layer);
    // The table has a row for every column here, so that a column is its own position.
    const placed = { offset: 0, iterations: 1, direction: "forth" };
    const turned = (name: string) => rotaryEmbeddingOracle({ x: normed(name), ...table }, placed).y as HostArray;
    const window = this.config.layerTypes?.[layer] === "sliding_attention" ? slidingWindow : 0;
    const scale = 1 / Math.sqrt(queryPreAttnScalar);
    const attributes = { scale, pastLength: 0, iterations: this.#iterations, window };
    const inputs = { q: turned("q"), k: turned("k"), v: heads("v_proj") };
    const attended = causalAttentionOracle(inputs, attributes).y as HostArray;
    const flat = reshape(attended, [this.#batch, this.#columns, this.config.numAttentionHeads * headDim]);
    const y = this.#linear(flat, `${prefix}.self_attn.o_proj`);
    return add(x, this.config.outputNorms ? this.#norm(y, `${prefix}.post_attention_layernorm`) : y);
  }

  #rotaryTable(layer: number): { cos: HostArray; sin: HostArray } {
    const half = this.config.headDim / 2;
    const angles = Array.from({ length: this.#columns * half }, (_, index) => {
      const position = Math.floor(Math.floor(index / half) / this.#iterations);
      return rotaryAngle(this.config, layer, position, index % half);
    });
    const shape = [this.#columns, half];
    return {
      cos: { shape, data: Float64Array.from(angles, Math.cos) },
      sin: { shape, data: Float64Array.from(angles, Math.sin) },
    };
  }

  #feedForward(h: HostArray, layer: number): HostArray {
    const prefix = `model.layers.${layer}`;
    const { outputNorms, hiddenActivation } = this.config;
    const n = this.#norm(h, `${prefix}.${outputNorms ? "pre_feedforward" : "post_attention"}_layernorm`);
    const gates = { gate: this.#linear(n, `${prefix}.mlp.gate_proj`), up: this.#linear(n, `${prefix}.mlp.up_proj`) };
    const activation = hiddenActivation === "gelu_pytorch_tanh" ? "geluTanh" : "silu";
    const { y } = gatedActivationOracle(gates, { activation });
    const lowered = this.#linear(y as HostArray, `${prefix}.mlp.down_proj`);
    return add(h, outputNorms ? this.#norm(lowered, `${prefix}.post_feedforward_layernorm`) : lowered);
  }

  #alpha(layer: number): HostArray {
    const theta = this.#weight(thetaName(layer));
    const { alphaMin, alphaMax } = this.config.stateStream as { alphaMin: number; alphaMax: number };
    return {
      shape: theta.shape,
      data: theta.data.map((value) => alphaMin + (alphaMax - alphaMin) / (1 + Math.exp(-value))),
    };
  }

  /** 1 but for the first column of each row, which nothing precedes. */
  #keep(): HostArray {
    const data = Float64Array.from({ length: this.#batch * this.#columns }, (_, index) =>
      index % this.#columns === 0 ? 0 : 1,
    );
    return { shape: [this.#batch, this.#columns], data };
  }

  #blend(a: HostArray, state: HostArray, layer: number): HostArray {
    return stateBlendOracle({ a, state, alpha: this.#alpha(layer), keep: this.#keep() }, {}).h as HostArray;
  }

  #sequential(a: HostArray, layer: number): HostArray {
    const { hiddenSize } = this.config;
    const alpha = this.#alpha(layer).data;
    const states = new Float64Array(a.data.length);
    for (let row = 0; row < this.#batch; row++) {
      let state: Float64Array | undefined;
      for (let column = 0; column < this.#columns; column++) {
        const at = (row * this.#columns + column) * hiddenSize;
        const own = Float64Array.from(a.data.subarray(at, at + hiddenSize));
        const before = state;
        const h = before
          ? own.map((value, i) => (1 - (alpha[i] as number)) * value + (alpha[i] as number) * (before[i] as number))
          : own;
        state = Float64Array.from(this.#feedForward({ shape: [1, 1, hiddenSize], data: h }, layer).data);
        states.set(state, at);
      }
    }
    return { shape: a.shape, data: states };
  }

  /** Layerwise: the states that the last of the layer's sweeps blends in. */
  #sweepLayer(a: HostArray, layer: number): HostArray | undefined {
    let blended: HostArray | undefined;
    for (let sweep = 1; sweep < this.#sweeps; sweep++) {
      const y = this.#feedForward(blended ? this.#blend(a, blended, layer) : a, layer);
      blended = this.#propagate(y, blended ?? a, layer);
    }
    return blended;
  }

  /** Two-pass: the states that the last pass blends in, for every layer. */
  #rollOut(): HostArray[] | undefined {
    let blended: HostArray[] | undefined;
    for (let pass = 1; pass < this.#sweeps; pass++) {
      const next: HostArray[] = [];
      const before = blended;
      this.#layers((a, layer) => {
        const states = before?.[layer];
        const y = this.#feedForward(states ? this.#blend(a, states, layer) : a, layer);
        next[layer] = this.#propagate(y, states ?? a, layer);
        return y;
      });
      blended = next;
    }
    return blended;
  }

  /** For each column the state of the one before it, as the sweep left it (shift) or with the change carried on (scan). */
  #propagate(y: HostArray, s: HostArray, layer: number): HostArray {
    const { propagation = "scan" } = this.options;
    const { hiddenSize } = this.config;
    const alpha = this.#alpha(layer).data;
    const next = new Float64Array(y.data.length);
    for (let row = 0; row < this.#batch; row++) {
      let before = new Float64Array(hiddenSize);
      for (let column = 0; column < this.#columns; column++) {
        const at = (row * this.#columns + column) * hiddenSize;
        next.set(before, at);
        const carries = propagation === "scan" && column > 0;
        const current = y.data.slice(at, at + hiddenSize);
        before = current.map((value, i) =>
          carries ? value + (alpha[i] as number) * ((before[i] as number) - (s.data[at + i] as number)) : value,
        );
      }
    }
    return { shape: y.shape, data: next };
  }

  #lastIterations(y: HostArray): HostArray {
    const { hiddenSize } = this.config;
    const data = new Float64Array(this.#batch * this.#time * hiddenSize);
    for (let position = 0; position < this.#batch * this.#time; position++) {
      const from = ((position + 1) * this.#iterations - 1) * hiddenSize;
      data.set(y.data.subarray(from, from + hiddenSize), position * hiddenSize);
    }
    return { shape: [this.#batch, this.#time, hiddenSize], data };
  }

  #head(y: HostArray): HostArray {
    const name = this.config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    return linear(this.#norm(y, "model.norm"), this.#weight(name));
  }
}
