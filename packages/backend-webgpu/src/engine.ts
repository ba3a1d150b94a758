/** TensorFlow.js' WebGPU backend on our own device, with what it leaves out: faults that are heard, spare buffers that go. */
import { type BackendRuntime, SstError } from "@sst/tensor";
import {
  type BackendValues,
  type DataType,
  getKernelsForBackend,
  type KernelConfig,
  util,
} from "@tensorflow/tfjs-core";
import { countDevice } from "./counters.js";
import { DeviceFaults } from "./device-faults.js";
import { sumWithoutEntries } from "./empty-sum.js";
import { orderedMatMul, orderedProduct, type Product } from "./mat-mul.js";
import { ProgramRunner } from "./program-runner.js";

/** Released buffers that are kept for the next tensor of their size, in bytes. */
const SPARE_BYTES = 256 * 2 ** 20;

/** Bytes of GPU memory that tensors hold, and bytes that are allocated, spare buffers included. */
export interface DeviceBytes {
  readonly used: number;
  readonly allocated: number;
}

let live: { deviceBytes(): DeviceBytes } | undefined;

/** GPU memory at this moment, both 0 before there is a device. What a leak would show in. */
export function deviceBytes(): DeviceBytes {
  return live?.deviceBytes() ?? { used: 0, allocated: 0 };
}

/** What the engine keeps to itself. */
interface EngineInternals {
  /** Present while commands wait for their submission. */
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly bufferManager: {
    /** Spare buffers by size and usage. */
    readonly freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesUsed: number;
    numBytesAllocated: number;
  };
}

/** An engine, and what runs our own programs on it. */
export interface EngineRuntime extends BackendRuntime {
  readonly programs: ProgramRunner;
  readonly product: Product;
}

/**
 * Loads TensorFlow.js' backend only now: programs that run on the CPU should not wait for it.
 *
 * @param onLost is told when the device is gone
 */
export async function createEngine(
  device: GPUDevice,
  info: GPUAdapterInfo,
  onLost: (reason: string) => void,
): Promise<EngineRuntime> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");

  countDevice(device);

  class DeviceEngine extends WebGPUBackend {
    readonly programs = new ProgramRunner(this);
    readonly #faults = new DeviceFaults(device, { onLost, bytesInUse: () => this.bufferManager.numBytesUsed });

    constructor() {
      super(device, info);
    }

    override async read(dataId: object): Promise<BackendValues> {
      let values: BackendValues;
      try {
        values = await super.read(dataId);
      } catch (error) {
        throw (await this.#faultOf((faults) => faults.takeAfterFailure())) ?? error;
      }
      const fault = await this.#faultOf((faults) => faults.take());
      if (fault !== undefined) throw fault;
      return values;
    }

    /** Where every tensor begins: one that has no place is refused before anything is made for it. */
    override write(values: BackendValues, shape: number[], dtype: DataType): object {
      this.#faults.requireFits(util.sizeFromShape(shape) * 4);
      return super.write(values, shape, dtype);
    }

    /**
     * Into a buffer that is at hand, without another one for the way: it may have been in use, but not by commands that
     * are still to be submitted, for it is released only after them.
     */
    override uploadToGPU(dataId: object): void {
      const data = this.tensorMap.get(dataId);
      const { values } = data;
      if (data.resource != null || values == null) {
        super.uploadToGPU(dataId);
        return;
      }
      // Without values, what it does is to find a buffer.
      data.values = null as never;
      super.uploadToGPU(dataId);
      const words = wordsOf(values as ArrayLike<number>, data.dtype);
      if (words.length > 0) this.queue.writeBuffer(this.#bufferOf(dataId), 0, words);
    }

    override readSync(dataId: object): BackendValues {
      const isOnDevice = this.tensorMap.get(dataId).values == null;
      if (isOnDevice && typeof OffscreenCanvas === "undefined") {
        throw new SstError(
          "invalid-argument",
          "values on a GPU cannot be read synchronously here: use `await tensor.data()`",
        );
      }
      return super.readSync(dataId);
    }

    override submitQueue(): void {
      super.submitQueue();
      this.#dropSpareBuffers();
    }

    deviceBytes(): DeviceBytes {
      // Tensors that were disposed of count until the commands that use them are on their way.
      if (this.#internals.commandEncoder !== null) {
        this.endComputePassEncoder();
        this.submitQueue();
      }
      return { used: this.bufferManager.numBytesUsed, allocated: this.bufferManager.numBytesAllocated };
    }

    override dispose(): void {
      this.#faults.giveBack();
      super.dispose();
      device.destroy();
    }

    get #internals(): EngineInternals {
      return this as unknown as EngineInternals;
    }

    #bufferOf(dataId: object): GPUBuffer {
      return this.tensorMap.get(dataId).resource as GPUBuffer;
    }

    /** A program that is not valid takes the commands around it along; the device complains of those too. */
    async #faultOf(take: (faults: DeviceFaults) => Promise<SstError | undefined>): Promise<SstError | undefined> {
      const failure = await this.programs.takeFailure();
      const fault = await take(this.#faults);
      return failure ?? fault;
    }

    /**
     * The engine keeps released buffers forever, by exact size: a cache that grows by a row per token would leave one of
     * every size. Called between submissions, when nothing that is still to be submitted refers to them.
     */
    #dropSpareBuffers(): void {
      const manager = this.#internals.bufferManager;
      if (manager.numBytesAllocated - manager.numBytesUsed <= SPARE_BYTES) return;
      for (const buffers of manager.freeBuffers.values()) {
        for (const buffer of buffers.splice(0)) {
          buffer.destroy();
          manager.numBytesAllocated -= buffer.size;
          manager.numFreeBuffers--;
        }
      }
    }
  }

  const engine = new DeviceEngine();
  live = engine;
  const tfjsKernels = getKernelsForBackend("webgpu");
  const product = orderedProduct(
    tfjsKernels.find(({ kernelName }) => kernelName === "BatchMatMul") as KernelConfig,
    engine.programs,
  );
  const engineKernels = tfjsKernels.map((kernel) => {
    if (kernel.kernelName === "BatchMatMul") return orderedMatMul(kernel, product);
    return kernel.kernelName === "Sum" ? sumWithoutEntries(kernel) : kernel;
  });
  return { engine, engineKernels, programs: engine.programs, product };
}

/** Host values as they lie in a buffer: truth values as whole numbers. */
function wordsOf(values: ArrayLike<number>, dtype: string): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const Words = dtype === "float32" ? Float32Array : Int32Array;
  return values instanceof Words ? (values as Float32Array<ArrayBuffer>) : Words.from(values);
}
