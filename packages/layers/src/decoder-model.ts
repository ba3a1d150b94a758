/**
 * A model on a device: a config and named tensors. The forward pass is a function over it (`forward.ts`); training
 * replaces its tensors by name.
 */
import {
  activeDevice,
  add,
  integerFormats,
  type LiveDevice,
  SstError,
  sigmoid,
  type Tensor,
  type WeightFormat,
} from "@sst/tensor";
import { isTarget } from "./adapters/target-modules.js";
import type { HostTensor, LoraConfig, ModelConfig, ModelData } from "./config.js";
import { ForwardConstants } from "./constants.js";
import { DecodePlans } from "./decode-plans.js";
import { disposeWeight, downloaded, type HostWeight, hostWeights, upload } from "./device-weights.js";
import { type ActivationFormat, isPacked, type LinearWeight, mergedWeight } from "./linear.js";
import { ParameterReader, type ParameterSource, uploadParameter } from "./parameter-source.js";
import {
  adapterNames,
  adapterShapes,
  backboneShapes,
  embeddingName,
  headName,
  isLinear,
  layerNorms,
  linearShapes,
  recirculationNames,
  requireParameters,
  streamShapes,
  thetaName,
} from "./parameters.js";
import { alphaOf } from "./state-stream/alpha.js";
import type { LayerWeights, ModelWeights } from "./weights.js";

export interface DecoderModelOptions {
  /**
   * Keeps what was uploaded, so that the model survives the loss of its device (a GPU that was reset): the next use after
   * `ready()` uploads it again. It costs the model's size in host memory.
   */
  readonly keepHostCopy?: boolean;
  /**
   * Rounds the matrices of linear layers and the head to few bits and keeps them packed: for inference, and for training
   * what is not packed. A head that is the embedding becomes a packed copy beside it, for the lookup needs rows of floats.
   */
  readonly quantize?: WeightFormat | undefined;
  /**
   * What packed matrices are multiplied with. `"int8"` rounds the input of every linear layer and of the head to 8 bits in blocks
   * of 32 (`integerMatMul` of `@sst/tensor`), in the prompt as in decoding: tokens come faster with int4, and logits change by a
   * percent or two of the largest. It goes with `quantize: "int8"` or `"int4"` and cannot be trained. Defaults to `"float32"`.
   */
  readonly activations?: ActivationFormat | undefined;
}

export class DecoderModel implements Disposable {
  #device = activeDevice();
  #constants: ForwardConstants;
  /** Of the parameters as they are: others come with every change. */
  #plans = new DecodePlans();
  readonly #parameters = new Map<string, LinearWeight>();
  /** What to upload again when the device is lost; a parameter that training has replaced is no longer in it. */
  readonly #hostCopy: Map<string, HostWeight> | undefined;

  private constructor(
    readonly config: ModelConfig,
    readonly lora: LoraConfig | undefined,
    private readonly options: DecoderModelOptions,
  ) {
    requireFormats(options);
    this.#hostCopy = options.keepHostCopy ? new Map() : undefined;
    this.#constants = new ForwardConstants(config);
  }

  /**
   * Uploads a model to the active backend. The caller disposes of it.
   *
   * @throws SstError `shape-mismatch` for a missing, unexpected or wrongly shaped parameter, by name; `not-finite` for a
   * matrix that cannot be packed; `contradiction` for activations that do not go with the weights' format
   */
  static fromData(data: ModelData, options: DecoderModelOptions = {}): DecoderModel {
    const { config, adapter } = data;
    const given: Record<string, HostTensor> = { ...data.weights, ...adapter?.weights };
    const shapes = Object.entries(given).map(([name, { shape }]) => [name, shape]);
    const names = requireParameters(config, adapter?.config, Object.fromEntries(shapes));
    const model = new DecoderModel(config, adapter?.config, options);
    try {
      for (const name of names) model.#add(name, given[name] as HostTensor);
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /**
   * As `fromData`, with one parameter after the other read from where they are: at no time are they all in host memory,
   * unless `keepHostCopy` says so.
   *
   * @throws SstError as `fromData`, and what the source throws
   */
  static async fromSource(source: ParameterSource, options: DecoderModelOptions = {}): Promise<DecoderModel> {
    const { config, lora, shapes } = source;
    const names = requireParameters(config, lora, shapes);
    const model = new DecoderModel(config, lora, options);
    const reader = new ParameterReader(source);
    try {
      for (const name of names) {
        model.#requireHome();
        if (options.quantize && isLinear(name)) model.#add(name, await reader.readForNow(name));
        else if (options.quantize || options.keepHostCopy) model.#add(name, await reader.read(name));
        else model.#parameters.set(name, await uploadParameter(source, name));
      }
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** The name of the backend that holds the tensors. */
  get backend(): string {
    return this.#device.backend;
  }

  /**
   * Downloads the model.
   *
   * @throws SstError `contradiction` for a model with packed weights, whose values from before they were rounded are gone
   */
  async toData(): Promise<ModelData> {
    for (const [name, weight] of this.#parameters) {
      if (!isPacked(weight)) continue;
      throw new SstError(
        "contradiction",
        `parameter "${name}" is packed in ${weight.format} and its own values are gone: keep the data that the model was ` +
          "made from, or make it without `quantize`",
      );
    }
    const read = async (names: string[]): Promise<Record<string, HostTensor>> =>
      Object.fromEntries(
        await Promise.all(names.map(async (name) => [name, await downloaded(this.tensor(name))] as const)),
      );
    const backbone = [...Object.keys(backboneShapes(this.config)), ...Object.keys(streamShapes(this.config))];
    const weights = await read(backbone);
    if (this.lora === undefined) return { config: this.config, weights };
    const adapterWeights = await read(Object.keys(adapterShapes(this.config, this.lora)));
    return { config: this.config, weights, adapter: { config: this.lora, weights: adapterWeights } };
  }

  /** Names of all parameters, packed ones included, in a fixed order. */
  get parameterNames(): string[] {
    return [...this.#parameters.keys()];
  }

  /**
   * The parameter as what training reads and changes.
   *
   * @throws SstError `disposed` for a name that the model does not hold (any more), `contradiction` for a parameter that is
   * packed, or an embedding whose packed copy is the head: these cannot be trained
   */
  tensor(name: string): Tensor {
    const found = this.#floats(name);
    const head = this.#parameters.get(headName);
    if (name === embeddingName && this.config.tieWordEmbeddings && head)
      throw frozen(name, "the head is a copy of it that");
    return found;
  }

  /**
   * Puts a new tensor in a parameter's place and disposes of the old one. The model owns what it is given.
   *
   * @throws SstError `shape-mismatch`, and as `tensor`
   */
  replace(name: string, value: Tensor): void {
    const old = this.tensor(name);
    if (old.shape.join() !== value.shape.join()) {
      throw new SstError("shape-mismatch", `parameter "${name}" should be [${old.shape}], but is [${value.shape}]`);
    }
    // They hold the old tensor.
    this.#dropPlans();
    this.#parameters.set(name, value);
    this.#hostCopy?.delete(name);
    old.dispose();
  }

  /**
   * The tensors that a forward pass uses: adapters merged into the matrices that they adapt, theta turned into alpha.
   * Gradients flow through. `dispose()` of the result lets go of what was derived, not of the parameters.
   *
   * @throws SstError `wrong-backend` when another device is active than the one that the model lives on, `device-lost`
   * when that is gone and there is nothing to upload again
   */
  weights(): ModelWeights {
    this.#requireHome();
    const derived: Tensor[] = [];
    const derive = (value: Tensor) => {
      derived.push(value);
      return value;
    };
    const linear = (module: string): LinearWeight => {
      const weight = this.#parameter(`${module}.weight`);
      if (!this.lora || !isTarget(this.lora, module)) return weight;
      const [a, b] = adapterNames(module);
      const adapter = { a: this.#floats(a), b: this.#floats(b), factor: this.lora.alpha / this.lora.rank };
      return isPacked(weight) ? { ...weight, adapter } : derive(mergedWeight(weight, adapter));
    };
    const norm = (name: string): Tensor => {
      const weight = this.#floats(name);
      return this.config.unitOffsetNorm ? derive(add(weight, 1)) : weight;
    };
    const layers = Array.from({ length: this.config.numHiddenLayers }, (_, layer): LayerWeights => {
      const prefix = `model.layers.${layer}`;
      const linears = Object.entries(linearShapes(this.config)).map(([name, { parent }]) => [
        name,
        linear(`${prefix}.${parent}.${name}`),
      ]);
      const biases = this.config.biasedLayers?.map((name) => [
        `${name}.bias`,
        this.#floats(`${prefix}.${linearShapes(this.config)[name].parent}.${name}.bias`),
      ]);
      const norms = Object.entries(layerNorms(this.config)).map(([name, { path }]) => [
        name,
        norm(`${prefix}.${path}.weight`),
      ]);
      const alpha = this.config.stateStream && derive(alphaOf(this.#floats(thetaName(layer)), this.config.stateStream));
      return {
        ...(Object.fromEntries([...linears, ...(biases ?? []), ...norms]) as Omit<LayerWeights, "alpha">),
        alpha,
      };
    });
    const embedding = this.#floats(embeddingName);
    const recirculation = this.config.stateStream?.recirculate
      ? {
          beta: derive(sigmoid(this.#floats(recirculationNames.theta))),
          weight: this.#floats(recirculationNames.weight),
        }
      : undefined;
    return {
      config: this.config,
      embedding,
      layers,
      finalNorm: norm("model.norm.weight"),
      recirculation,
      constants: this.#constants,
      plans: this.#plans,
      head: this.#parameters.get(headName) ?? embedding,
      dispose: () => {
        for (const value of derived) value.dispose();
      },
    };
  }

  dispose(): void {
    for (const weight of this.#parameters.values()) disposeWeight(weight);
    this.#parameters.clear();
    this.#constants.dispose();
    this.#plans.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #add(parameter: string, values: HostTensor): void {
    this.#requireHome();
    const weights = hostWeights(this.config, parameter, values, this.options.quantize);
    for (const [name, weight] of Object.entries(weights)) {
      this.#parameters.set(name, this.#upload(weight));
      this.#hostCopy?.set(name, weight);
    }
  }

  #upload(weight: HostWeight): LinearWeight {
    return upload(weight, this.options.activations ?? "float32");
  }

  #parameter(name: string): LinearWeight {
    const found = this.#parameters.get(name);
    if (found !== undefined) return found;
    throw new SstError("disposed", `the model holds no parameter "${name}" (was it disposed of?)`);
  }

  #floats(name: string): Tensor {
    const found = this.#parameter(name);
    if (isPacked(found)) throw frozen(name, "it");
    return found;
  }

  /** The model is where computations run; after a loss it is put there again. */
  #requireHome(): void {
    const active = activeDevice();
    if (this.#device === active) {
      active.requireLive();
      return;
    }
    if (!this.#device.isLost) {
      throw new SstError(
        "wrong-backend",
        `the model lives on "${this.backend}", but "${active.backend}" is active: make its own active again with ` +
          `\`ready({ backend: "${this.backend}" })\`, or load it here`,
      );
    }
    this.#restore(active);
  }

  #dropPlans(): void {
    this.#plans.dispose();
    this.#plans = new DecodePlans();
  }

  #restore(device: LiveDevice): void {
    const missing = this.parameterNames.find((name) => !this.#hostCopy?.has(name));
    if (missing !== undefined) {
      const reason = this.#hostCopy
        ? `"${missing}" was trained since it was loaded`
        : "it keeps no copy in host memory (`keepHostCopy`)";
      throw new SstError(
        "device-lost",
        `the model's device is gone (${this.#device.lossReason}) and the model cannot come back by itself, since ` +
          `${reason}: load it again`,
      );
    }
    for (const [name, weight] of this.#parameters) {
      disposeWeight(weight);
      this.#parameters.set(name, this.#upload(this.#hostCopy?.get(name) as HostWeight));
    }
    this.#dropPlans();
    this.#constants.dispose();
    this.#constants = new ForwardConstants(this.config);
    this.#device = device;
  }
}

function requireFormats({ activations, quantize }: DecoderModelOptions): void {
  const isInteger = integerFormats.some((format) => format === quantize);
  if (activations !== "int8" || isInteger) return;
  throw new SstError(
    "contradiction",
    `activations are rounded to int8 beside weights in ${integerFormats.join(" or ")}, and these are ` +
      `${quantize === undefined ? "not packed" : `in ${quantize}`}: choose one of those formats, or leave \`activations\` away`,
  );
}

function frozen(name: string, what: string): SstError {
  return new SstError(
    "contradiction",
    `parameter "${name}" cannot be trained or replaced, since ${what} is packed: train adapters beside it, or make the ` +
      "model without `quantize`",
  );
}
