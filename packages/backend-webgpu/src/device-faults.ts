/**
 * What goes wrong on a device, as typed errors. WebGPU reports errors beside the results: without this, what is read after
 * one are zeros. A fault is thrown by the next read of values; a device that is lost fails every read from then on.
 */
import { SstError } from "@sst/tensor";

export interface FaultContext {
  /** Told once, when the device is gone for another reason than that we gave it back. */
  onLost(reason: string): void;
  /** Bytes of device memory that tensors hold. */
  bytesInUse(): number;
}

/** How long a failed read waits to hear whether the device is lost, which may be known only a moment later. */
const LOSS_NOTICE_MS = 200;

export class DeviceFaults {
  #loss: SstError | undefined;
  /** The first since the last read. */
  #fault: SstError | undefined;
  #isGivenBack = false;
  /** Verdicts on buffers that are still out. */
  readonly #verdicts = new Set<Promise<void>>();

  constructor(
    private readonly device: GPUDevice,
    private readonly context: FaultContext,
  ) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#fault ??= new SstError("backend-failed", `webgpu: ${event.error.message}`);
    });
    void device.lost.then(({ reason, message }) => {
      if (this.#isGivenBack) return;
      const why = `${reason === "destroyed" ? "it was destroyed" : "the driver or the system took it away"}: ${message}`;
      this.#loss = new SstError(
        "device-lost",
        `webgpu: the device is gone (${why}); \`await ready()\` makes a new one`,
      );
      context.onLost(why);
    });
    this.#guardBuffers();
  }

  /** From now on the device's end is no loss. */
  giveBack(): void {
    this.#isGivenBack = true;
  }

  /** @throws SstError `out-of-memory` for a tensor that no buffer of the device can hold */
  requireFits(bytes: number): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const [limit, name] =
      maxStorageBufferBindingSize < maxBufferSize
        ? [maxStorageBufferBindingSize, "maxStorageBufferBindingSize"]
        : [maxBufferSize, "maxBufferSize"];
    if (bytes <= limit) return;
    throw new SstError(
      "out-of-memory",
      `webgpu: a tensor of ${bytes} bytes was asked for, but one may have at most ${limit} here (${name}); ` +
        `${this.context.bytesInUse()} bytes are in use. A smaller batch, or a smaller model, would fit`,
    );
  }

  /** The fault since the last call, if any; that of a lost device stays. */
  async take(): Promise<SstError | undefined> {
    await Promise.all(this.#verdicts);
    const fault = this.#loss ?? this.#fault;
    this.#fault = undefined;
    return fault;
  }

  /** As `take`, after something has failed: a loss that is about to be reported is waited for. */
  async takeAfterFailure(): Promise<SstError | undefined> {
    const moment = new Promise((resolve) => setTimeout(resolve, LOSS_NOTICE_MS));
    await Promise.race([this.device.lost, moment]);
    return this.take();
  }

  /** Says of a buffer that could not be had what was asked for and what is in use. */
  #guardBuffers(): void {
    const { device } = this;
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      device.pushErrorScope("out-of-memory");
      const buffer = createBuffer(descriptor);
      const inUse = this.context.bytesInUse();
      const verdict = device
        .popErrorScope()
        .then((error) => {
          if (error === null) return;
          this.#fault ??= new SstError(
            "out-of-memory",
            `webgpu: the device has no memory for ${descriptor.size} bytes more; ${inUse} bytes are in use ` +
              `(${error.message}). A smaller batch, or models that are disposed of, make room`,
          );
        })
        // A lost device gives no verdict; that it is lost is said by `lost`.
        .catch(() => undefined)
        .finally(() => this.#verdicts.delete(verdict));
      this.#verdicts.add(verdict);
      return buffer;
    };
  }
}
