/**
 * A tensor whose values come in pieces, as a file is read: where the backend can write into a tensor (`writeRange`), they
 * are never all in host memory.
 */
import { engine, keep, type Tensor, type TensorInfo, tensor } from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { activeDevice } from "./live-device.js";

/** How the active backend writes into a tensor, if it does; set by `ready()`. */
let writeRange: ((target: TensorInfo, offset: number, values: Float32Array) => void) | undefined;

export function setRangeWriter(write: typeof writeRange): void {
  writeRange = write;
}

/** A float32 tensor on its way to the device that is active when it is made. Ends with `finish` or `dispose`. */
export class TensorUpload implements Disposable {
  readonly #device = activeDevice();
  readonly #write = writeRange;
  readonly #size: number;
  #position = 0;
  #target: Tensor | undefined;
  #values: Float32Array | undefined;

  constructor(private readonly shape: readonly number[]) {
    this.#device.requireLive();
    this.#size = shape.reduce((product, size) => product * size, 1);
    if (this.#write) this.#target = keep(emptyTensor(shape));
    else this.#values = new Float32Array(this.#size);
  }

  /**
   * The next values, which are free to change when this returns.
   *
   * @throws SstError `shape-mismatch` for more than the shape has room for, `wrong-backend` when another device is active,
   * `device-lost`, `disposed`
   */
  write(values: Float32Array): void {
    this.#requireHome();
    if (this.#position + values.length > this.#size) throw this.#complaint(this.#position + values.length);
    if (this.#target) this.#write?.(this.#target, this.#position, values);
    else if (this.#values) this.#values.set(values, this.#position);
    else throw new SstError("disposed", "the upload has ended");
    this.#position += values.length;
  }

  /**
   * The tensor, the caller's to dispose of; no `tidy` does.
   *
   * @throws SstError `shape-mismatch` while values are missing, and as `write`
   */
  finish(): Tensor {
    this.#requireHome();
    if (this.#position !== this.#size) throw this.#complaint(this.#position);
    const result = this.#target ?? (this.#values && keep(tensor(this.#values, [...this.shape], "float32")));
    if (result === undefined) throw new SstError("disposed", "the upload has ended");
    this.#target = undefined;
    this.#values = undefined;
    return result;
  }

  /** Gives up what is not finished. */
  dispose(): void {
    this.#target?.dispose();
    this.#target = undefined;
    this.#values = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Others may have made another device the active one since the last piece. */
  #requireHome(): void {
    this.#device.requireLive();
    const active = activeDevice();
    if (this.#device === active) return;
    throw new SstError(
      "wrong-backend",
      `the upload goes to "${this.#device.backend}", but "${active.backend}" is active`,
    );
  }

  #complaint(given: number): SstError {
    return new SstError(
      "shape-mismatch",
      `a tensor of shape [${this.shape}] has ${this.#size} values, but was given ${given}`,
    );
  }
}

function emptyTensor(shape: readonly number[]): Tensor {
  const dataId = engine().backend.write(undefined as never, [...shape], "float32");
  return engine().makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: "float32" });
}
