/**
 * Deliberation by its definition (`state-stream` section 3), in float64 and word for word: one position after the other, one
 * iteration after the other, one vector at a time. It knows no columns, masks or segments, so it is no relative of how the
 * product runs whole sequences.
 */
import { type ModelConfig, recirculationNames, thetaName } from "@sst/layers";
import type { HostArray } from "@sst/tensor/conformance";
import type { OracleWeights } from "./oracle-model.js";
import { rotaryAngle } from "./rotary-angles.js";

type Vector = Float64Array;

/** What a layer keeps of a sequence: keys and values of positions that are done, and its state. */
interface LayerMemory {
  readonly keys: Vector[];
  readonly values: Vector[];
  state: Vector | undefined;
}

/**
 * Logits after every iteration of every position of one sequence, in order.
 *
 * @param iterationsAt how often a position runs
 */
export function runSteps(
  config: ModelConfig,
  weights: OracleWeights,
  tokens: readonly number[],
  iterationsAt: (position: number) => number,
): Vector[] {
  const model = new StepModel(config, weights);
  return tokens.flatMap((token, position) => model.read(token, position, iterationsAt(position)));
}

class StepModel {
  readonly #layers: LayerMemory[];

  constructor(
    private readonly config: ModelConfig,
    private readonly weights: OracleWeights,
  ) {
    this.#layers = Array.from({ length: config.numHiddenLayers }, () => ({ keys: [], values: [], state: undefined }));
  }

  /** One position with all its iterations; only the last one's keys and values stay. */
  read(token: number, position: number, iterations: number): Vector[] {
    const scale = this.config.embeddingScale ?? 1;
    const embedded = row(this.#weight("model.embed_tokens.weight"), token).map((value) => value * scale);
    const logits: Vector[] = [];
    let input: Vector = embedded;
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const { top, left } = this.#iterate(input, position);
      logits.push(this.#head(top));
      if (this.config.stateStream?.recirculate) input = this.#recirculate(embedded, top);
      if (iteration === iterations) {
        this.#layers.forEach((layer, index) => {
          layer.keys.push((left[index] as { key: Vector }).key);
          layer.values.push((left[index] as { value: Vector }).value);
        });
      }
    }
    return logits;
  }

  #iterate(input: Vector, position: number): { top: Vector; left: { key: Vector; value: Vector }[] } {
    const left: { key: Vector; value: Vector }[] = [];
    let x = input;
    this.#layers.forEach((memory, layer) => {
      const { outputNorms } = this.config;
      const linear = (name: string, of: Vector) => this.#linear(`model.layers.${layer}.${name}`, of);
      const norm = (name: string, of: Vector) => this.#norm(of, `model.layers.${layer}.${name}`);
      const n = norm("input_layernorm", x);
      const turned = (name: string) => {
        const heads = linear(`self_attn.${name}_proj`, n);
        return this.#turn(this.#normHeads(heads, `model.layers.${layer}.self_attn.${name}_norm`), position, layer);
      };
      const key = turned("k");
      const value = linear("self_attn.v_proj", n);
      left.push({ key, value });
      const seen = this.#seen(layer);
      const attended = this.#attend(
        turned("q"),
        [...memory.keys, key].slice(seen),
        [...memory.values, value].slice(seen),
      );
      const o = linear("self_attn.o_proj", attended);
      const a = sum(x, outputNorms ? norm("post_attention_layernorm", o) : o);
      const h = this.#blend(a, memory.state, layer);
      const m = norm(outputNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm", h);
      const gate = linear("mlp.gate_proj", m);
      const up = linear("mlp.up_proj", m);
      const activated = gate.map((g, i) => this.#activate(g) * (up[i] as number));
      const d = linear("mlp.down_proj", activated);
      x = sum(h, outputNorms ? norm("post_feedforward_layernorm", d) : d);
      memory.state = x;
    });
    return { top: x, left };
  }

  /** Where the positions begin that a layer sees, counted from the end; 0 for all. */
  #seen(layer: number): number {
    const slides = this.config.layerTypes?.[layer] === "sliding_attention";
    return slides ? -(this.config.slidingWindow as number) : 0;
  }

  #activate(gate: number): number {
    if (this.config.hiddenActivation !== "gelu_pytorch_tanh") return gate / (1 + Math.exp(-gate));
    return 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate ** 3)));
  }

  /** Every head by itself, where the backbone norms queries and keys. */
  #normHeads(heads: Vector, name: string): Vector {
    if (!this.config.queryKeyNorm) return heads;
    const { headDim } = this.config;
    const normed = Array.from({ length: heads.length / headDim }, (_, head) => [
      ...this.#norm(heads.subarray(head * headDim, (head + 1) * headDim), name),
    ]);
    return Float64Array.from(normed.flat());
  }

  #linear(name: string, x: Vector): Vector {
    const y = product(this.#weight(`${name}.weight`), x);
    const bias = this.weights[`${name}.bias`];
    return bias ? sum(y, Float64Array.from(bias.data)) : y;
  }

  #blend(a: Vector, state: Vector | undefined, layer: number): Vector {
    const { stateStream } = this.config;
    if (stateStream === undefined || state === undefined) return a;
    const { alphaMin, alphaMax } = stateStream;
    const alpha = sigmoids(this.#weight(thetaName(layer))).map((share) => alphaMin + (alphaMax - alphaMin) * share);
    return mix(a, state, alpha);
  }

  #recirculate(embedded: Vector, top: Vector): Vector {
    const returned = product(this.#weight(recirculationNames.weight), this.#norm(top, "model.norm"));
    return mix(embedded, returned, sigmoids(this.#weight(recirculationNames.theta)));
  }

  #attend(query: Vector, keys: readonly Vector[], values: readonly Vector[]): Vector {
    const { numAttentionHeads, numKeyValueHeads, headDim, queryPreAttnScalar = headDim } = this.config;
    const result = new Float64Array(query.length);
    for (let head = 0; head < numAttentionHeads; head++) {
      const of = Math.floor(head / (numAttentionHeads / numKeyValueHeads)) * headDim;
      const own = query.subarray(head * headDim, (head + 1) * headDim);
      const scores = keys.map((key) => dot(own, key.subarray(of, of + headDim)) / Math.sqrt(queryPreAttnScalar));
      const exponentials = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = exponentials.reduce((left, right) => left + right, 0);
      values.forEach((value, index) => {
        for (let i = 0; i < headDim; i++) {
          const share = (exponentials[index] as number) / total;
          result[head * headDim + i] = (result[head * headDim + i] as number) + share * (value[of + i] as number);
        }
      });
    }
    return result;
  }

  /** Rotary embedding: dimension i of a head turns with dimension i + headDim / 2. */
  #turn(heads: Vector, position: number, layer: number): Vector {
    const { headDim } = this.config;
    const half = headDim / 2;
    const at = (index: number) => heads[index] as number;
    return heads.map((value, index) => {
      const i = index % headDim;
      const angle = rotaryAngle(this.config, layer, position, i % half);
      const other = i < half ? -at(index + half) : at(index - half);
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  }

  #head(top: Vector): Vector {
    const name = this.config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    return product(this.#weight(name), this.#norm(top, "model.norm"));
  }

  #norm(x: Vector, name: string): Vector {
    const { data } = this.#weight(`${name}.weight`);
    const offset = this.config.unitOffsetNorm ? 1 : 0;
    const size = Math.sqrt(dot(x, x) / x.length + this.config.rmsNormEps);
    return x.map((value, i) => (value / size) * (offset + (data[i] as number)));
  }

  #weight(name: string): HostArray {
    return this.weights[name] as HostArray;
  }
}

function row({ shape, data }: HostArray, index: number): Vector {
  const size = shape[1] as number;
  return Float64Array.from(data.subarray(index * size, (index + 1) * size));
}

/** `weight · x`, weight `[out, in]`. */
function product(weight: HostArray, x: Vector): Vector {
  return Float64Array.from({ length: weight.shape[0] as number }, (_, out) => dot(row(weight, out), x));
}

function dot(left: Vector, right: Vector): number {
  return left.reduce((total, value, i) => total + value * (right[i] as number), 0);
}

function sum(left: Vector, right: Vector): Vector {
  return left.map((value, i) => value + (right[i] as number));
}

/** `(1 - share) ⊙ left + share ⊙ right`. */
function mix(left: Vector, right: Vector, share: Vector): Vector {
  return left.map((value, i) => (1 - (share[i] as number)) * value + (share[i] as number) * (right[i] as number));
}

function sigmoids({ data }: HostArray): Vector {
  return Float64Array.from(data, (value) => 1 / (1 + Math.exp(-value)));
}
