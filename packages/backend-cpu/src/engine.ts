/**
 * The TensorFlow.js backend that owns the data: its JavaScript backend, with all numbers in the WebAssembly memory. So
 * every operation that JavaScript has works on views of that memory, and ours work on the same numbers.
 */
import { SstError } from "@sst/tensor";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { type BackendValues, type DataType, type TensorInfo, type TypedArray, util } from "@tensorflow/tfjs-core";
import type { Core } from "./core.js";
import type { Heap } from "./heap.js";

/** TensorFlow.js' own handle of a piece of data. */
type DataId = TensorInfo["dataId"];

/** What the base class keeps of a tensor's data. */
type Entry = ReturnType<MathBackendCPU["data"]["get"]>;

/** Numbers in the memory. */
class HeapData {
  refCount = 1;
  readonly complexTensorInfos = undefined;
  #view: TypedArray | undefined;
  #version = -1;

  constructor(
    readonly heap: Heap,
    readonly address: number,
    readonly length: number,
    readonly dtype: DataType,
  ) {}

  /** A view, made again after the memory has grown. */
  get values(): TypedArray {
    if (this.#view === undefined || this.#version !== this.heap.version) {
      this.#view = viewOf(this.heap, this.address, this.length, this.dtype);
      this.#version = this.heap.version;
    }
    return this.#view;
  }
}

export class CpuEngine extends MathBackendCPU {
  #bytesInUse = 0;

  constructor(readonly core: Core) {
    super();
    // Otherwise its first write in Node prints an advertisement for the native binding.
    (this as unknown as { firstUse: boolean }).firstUse = false;
  }

  /** Bytes of all data; what kernels and plans work with beside them is not counted. */
  get bytesInUse(): number {
    return this.#bytesInUse;
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    if (!isNumeric(dtype)) return super.write(values, shape, dtype);
    const dataId = {};
    const data = this.#reserve(dataId, util.sizeFromShape(shape), dtype);
    if (values) data.values.set(values as TypedArray);
    else data.values.fill(0);
    return dataId;
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    if (!isNumeric(dtype)) {
      super.move(dataId, values, shape, dtype, refCount);
      return;
    }
    const data = this.#reserve(dataId, util.sizeFromShape(shape), dtype);
    data.values.set(values as TypedArray);
    data.refCount = refCount;
  }

  /** A copy: the memory is used again. */
  override readSync(dataId: DataId): BackendValues {
    const data = this.#get(dataId);
    return data instanceof HeapData ? data.values.slice() : super.readSync(dataId);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const data = this.data.has(dataId) ? this.#get(dataId) : undefined;
    const isReleased = super.disposeData(dataId, force);
    if (isReleased && data instanceof HeapData) {
      this.core.heap.free(data.address);
      this.#bytesInUse -= data.length * bytesOf(data.dtype);
    }
    return isReleased;
  }

  override memory() {
    return { unreliable: false } as unknown as ReturnType<MathBackendCPU["memory"]>;
  }

  override dispose(): void {
    this.core.dispose();
  }

  /** A tensor whose values are yet to be written. */
  allocate(shape: number[], dtype: DataType = "float32"): TensorInfo {
    const dataId = {};
    this.#reserve(dataId, util.sizeFromShape(shape), dtype);
    return { dataId, shape, dtype };
  }

  /** Writes into a tensor's numbers, from an offset on. */
  writeRange({ dataId }: TensorInfo, offset: number, values: Float32Array): void {
    (this.#get(dataId) as HeapData).values.set(values, offset);
  }

  /** Another tensor on the same data. */
  share(info: TensorInfo, shape = info.shape): TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape, dtype: info.dtype };
  }

  /** Where a tensor's numbers lie. */
  address(dataId: DataId): number {
    const data = this.#get(dataId);
    if (data instanceof HeapData) return data.address;
    throw new SstError("backend-failed", `a tensor of ${data.dtype} is no input for a compiled kernel`);
  }

  #get(dataId: DataId): HeapData | Entry {
    return this.data.get(dataId) as HeapData | Entry;
  }

  #reserve(dataId: DataId, length: number, dtype: DataType): HeapData {
    const { heap } = this.core;
    const sizeBytes = length * bytesOf(dtype);
    const data = new HeapData(heap, heap.allocate(sizeBytes), length, dtype);
    this.#bytesInUse += sizeBytes;
    this.data.set(dataId, data as unknown as Entry);
    return data;
  }
}

function isNumeric(dtype: DataType): boolean {
  return dtype !== "string" && dtype !== "complex64";
}

function bytesOf(dtype: DataType): number {
  return dtype === "bool" ? 1 : 4;
}

function viewOf(heap: Heap, address: number, length: number, dtype: DataType): TypedArray {
  const { buffer } = heap.bytes;
  switch (dtype) {
    case "int32":
      return new Int32Array(buffer as ArrayBuffer, address, length);
    case "bool":
      return new Uint8Array(buffer as ArrayBuffer, address, length);
    default:
      return new Float32Array(buffer as ArrayBuffer, address, length);
  }
}
