/**
 * A model on a device: a config and named tensors. The forward pass is a function over it (`forward.ts`); training
 * replaces its tensors by name.
 */
import { activeDevice, add, keep, type LiveDevice, matMul, mul, SstError, type Tensor, tensor } from "@sst/tensor";
import type { HostTensor, LoraConfig, ModelConfig, ModelData } from "./config.js";
import { ForwardConstants } from "./constants.js";
import { adapterNames, adapterShapes, backboneShapes, linearShapes, streamShapes, thetaName } from "./parameters.js";
import { alphaOf } from "./state-stream/alpha.js";
import type { LayerWeights, ModelWeights } from "./weights.js";

export class DecoderModel implements Disposable {
  #device = activeDevice();
  #constants: ForwardConstants;
  readonly #tensors: Map<string, Tensor>;
  /** What to upload again when the device is lost; a parameter that training has replaced is no longer in it. */
  readonly #hostCopy: Map<string, HostTensor> | undefined;

  private constructor(
    readonly config: ModelConfig,
    readonly lora: LoraConfig | undefined,
    tensors: Map<string, Tensor>,
    hostCopy: Map<string, HostTensor> | undefined,
  ) {
    this.#tensors = tensors;
    this.#hostCopy = hostCopy;
    this.#constants = new ForwardConstants(config);
  }

  /**
   * Uploads a model to the active backend. The caller disposes of it.
   *
   * @param options.keepHostCopy keeps `data`, so that the model survives the loss of its device (a GPU that was reset):
   * the next use after `ready()` uploads it again. It costs the model's size in host memory.
   * @throws SstError `shape-mismatch` for a missing, unexpected or wrongly shaped parameter, by name
   */
  static fromData(data: ModelData, options: { readonly keepHostCopy?: boolean } = {}): DecoderModel {
    const { config, adapter } = data;
    const expected = {
      ...backboneShapes(config),
      ...streamShapes(config),
      ...(adapter && adapterShapes(config, adapter.config)),
    };
    const given: Record<string, HostTensor> = { ...data.weights, ...adapter?.weights };
    for (const name of Object.keys(given)) {
      if (!(name in expected)) throw new SstError("shape-mismatch", `the model has no parameter "${name}"`);
    }
    for (const [name, shape] of Object.entries(expected)) {
      const found = given[name];
      if (found === undefined) throw new SstError("shape-mismatch", `parameter "${name}" is missing`);
      if (found.shape.join() !== shape.join()) {
        throw new SstError("shape-mismatch", `parameter "${name}" should be [${shape}], but is [${found.shape}]`);
      }
    }
    const tensors = new Map(
      Object.keys(expected).map((name) => {
        return [name, upload(given[name] as HostTensor)];
      }),
    );
    const hostCopy = options.keepHostCopy ? new Map(Object.entries(given)) : undefined;
    return new DecoderModel(config, adapter?.config, tensors, hostCopy);
  }

  /** The name of the backend that holds the tensors. */
  get backend(): string {
    return this.#device.backend;
  }

  /** Downloads the model. */
  async toData(): Promise<ModelData> {
    const read = async (names: string[]): Promise<Record<string, HostTensor>> =>
      Object.fromEntries(
        await Promise.all(
          names.map(async (name) => {
            const { shape } = this.tensor(name);
            return [name, { shape, data: (await this.tensor(name).data()) as Float32Array }] as const;
          }),
        ),
      );
    const backbone = [...Object.keys(backboneShapes(this.config)), ...Object.keys(streamShapes(this.config))];
    const weights = await read(backbone);
    if (this.lora === undefined) return { config: this.config, weights };
    const adapterWeights = await read(Object.keys(adapterShapes(this.config, this.lora)));
    return { config: this.config, weights, adapter: { config: this.lora, weights: adapterWeights } };
  }

  /** Names of all parameters, in a fixed order. */
  get parameterNames(): string[] {
    return [...this.#tensors.keys()];
  }

  /** @throws SstError `disposed` for a name that the model does not hold (any more) */
  tensor(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (found === undefined)
      throw new SstError("disposed", `the model holds no parameter "${name}" (was it disposed of?)`);
    return found;
  }

  /** Puts a new tensor in a parameter's place and disposes of the old one. The model owns what it is given. */
  replace(name: string, value: Tensor): void {
    const old = this.tensor(name);
    if (old.shape.join() !== value.shape.join()) {
      throw new SstError("shape-mismatch", `parameter "${name}" should be [${old.shape}], but is [${value.shape}]`);
    }
    this.#tensors.set(name, value);
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
    const linear = (module: string, name: string): Tensor => {
      const weight = this.tensor(`${module}.weight`);
      if (!this.lora?.targetModules.includes(name)) return weight;
      const [a, b] = adapterNames(module);
      const product = matMul(this.tensor(b), this.tensor(a));
      const scaled = mul(product, this.lora.alpha / this.lora.rank);
      const merged = derive(add(weight, scaled));
      product.dispose();
      scaled.dispose();
      return merged;
    };
    const layers = Array.from({ length: this.config.numHiddenLayers }, (_, layer): LayerWeights => {
      const prefix = `model.layers.${layer}`;
      const linears = Object.entries(linearShapes(this.config)).map(([name, { parent }]) => [
        name,
        linear(`${prefix}.${parent}.${name}`, name),
      ]);
      const alpha = this.config.stateStream && derive(alphaOf(this.tensor(thetaName(layer)), this.config.stateStream));
      return {
        ...(Object.fromEntries(linears) as Omit<LayerWeights, "inputNorm" | "postAttentionNorm" | "alpha">),
        inputNorm: this.tensor(`${prefix}.input_layernorm.weight`),
        postAttentionNorm: this.tensor(`${prefix}.post_attention_layernorm.weight`),
        alpha,
      };
    });
    const embedding = this.tensor("model.embed_tokens.weight");
    return {
      config: this.config,
      embedding,
      layers,
      finalNorm: this.tensor("model.norm.weight"),
      constants: this.#constants,
      head: this.config.tieWordEmbeddings ? embedding : this.tensor("lm_head.weight"),
      dispose: () => {
        for (const value of derived) value.dispose();
      },
    };
  }

  dispose(): void {
    for (const value of this.#tensors.values()) value.dispose();
    this.#tensors.clear();
    this.#constants.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
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
    for (const name of this.parameterNames) {
      this.#tensors.get(name)?.dispose();
      this.#tensors.set(name, keep(upload(this.#hostCopy?.get(name) as HostTensor)));
    }
    this.#constants.dispose();
    this.#constants = new ForwardConstants(this.config);
    this.#device = device;
  }
}

function upload({ data, shape }: HostTensor): Tensor {
  return tensor(data, [...shape], "float32");
}
