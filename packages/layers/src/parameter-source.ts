/** Where the parameters of a model come from, one after the other, and how they get to where they are wanted. */
import { type Tensor, TensorUpload } from "@sst/tensor";
import type { HostTensor, LoraConfig, ModelConfig } from "./config.js";

export interface ParameterSource {
  readonly config: ModelConfig;
  /** Present where there are adapters. */
  readonly lora?: LoraConfig | undefined;
  /** Of all parameters, by the names that `ModelData` has for them. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /**
   * Hands a parameter's values over in pieces, row-major, first to last. A piece is good until `take` returns.
   *
   * @throws SstError where they cannot be read, and what `take` throws
   */
  read(name: string, take: (values: Float32Array) => void): Promise<void>;
}

/** A parameter on the active backend, until it is disposed of; what is in host memory is a piece of it, if the backend allows. */
export async function uploadParameter(source: ParameterSource, name: string): Promise<Tensor> {
  using upload = new TensorUpload(source.shapes[name] as readonly number[]);
  await source.read(name, (values) => upload.write(values));
  return upload.finish();
}

/** Reads parameters into host memory. */
export class ParameterReader {
  #memory = new Float32Array(0);

  constructor(private readonly source: ParameterSource) {}

  /** An array of its own. */
  read(name: string): Promise<HostTensor> {
    return this.#readInto(name, new Float32Array(this.#sizeOf(name)));
  }

  /** Values that are good until the next call: memory that is new costs more than reading into it. */
  readForNow(name: string): Promise<HostTensor> {
    const size = this.#sizeOf(name);
    if (this.#memory.length < size) this.#memory = new Float32Array(size);
    return this.#readInto(name, this.#memory.subarray(0, size));
  }

  async #readInto(name: string, data: Float32Array): Promise<HostTensor> {
    let position = 0;
    await this.source.read(name, (values) => {
      data.set(values, position);
      position += values.length;
    });
    return { shape: this.#shapeOf(name), data };
  }

  #shapeOf(name: string): readonly number[] {
    return this.source.shapes[name] as readonly number[];
  }

  #sizeOf(name: string): number {
    return this.#shapeOf(name).reduce((product, size) => product * size, 1);
  }
}
