/**
 * Runs WGSL programs on TensorFlow.js' WebGPU backend as that runs its own: in its command encoder and compute pass, so
 * that the order of calls is kept and a submission carries many of them, and with its buffers.
 */
import type { SstError } from "@sst/tensor";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type DataType, env, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { PipelineCache } from "./pipeline-cache.js";
import { foldDispatch, type Program } from "./program.js";

/** Fields of the backend that its own kernels record with; its type declarations keep them to itself. */
interface Recording {
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  /** What commands that are not submitted yet refer to: released only after the submission. */
  commandQueueOwnedIds: WeakSet<object>;
  uniformPendingDisposal: GPUBuffer[];
  dispatchCountInPass: number;
  readonly supportTimestampQuery: boolean;
  querySet: GPUQuerySet | null;
  readonly querySetCount: number;
  /** Present while somebody profiles. */
  readonly activeTimers: { name: string; query: Promise<number> }[] | undefined;
}

export interface ProgramCall<Buffer extends string, Uniform extends string> {
  /** For every buffer of the program the tensor that it is; none of them empty. */
  readonly buffers: Readonly<Record<Buffer, TensorInfo>>;
  readonly uniforms: Readonly<Record<Uniform, number>>;
  /** Workgroups; any number. */
  readonly groups: number;
}

/** Uniform buffers come in multiples of this, in bytes, so that few sizes are kept. */
const UNIFORM_STEP = 32;

/** The largest struct of uniforms, in bytes. */
const UNIFORM_BYTES = 256;

export class ProgramRunner {
  readonly #pipelines: PipelineCache;
  readonly #recording: Recording;
  readonly #uniformBytes = new DataView(new ArrayBuffer(UNIFORM_BYTES));

  constructor(readonly engine: WebGPUBackend) {
    this.#pipelines = new PipelineCache(engine.device);
    this.#recording = engine as unknown as Recording;
  }

  /** A new tensor, for a program to fill; an empty one needs no program. */
  allocate(shape: readonly number[], dtype: DataType = "float32"): TensorInfo {
    const isEmpty = shape.includes(0);
    return this.engine.makeTensorInfo([...shape], dtype, isEmpty ? new Float32Array(0) : undefined);
  }

  /** Zeros, where an input is empty and there is nothing to run over. */
  zeros(shape: readonly number[]): TensorInfo {
    return this.engine.makeTensorInfo([...shape], "float32", new Float32Array(util.sizeFromShape([...shape])));
  }

  /** An output that takes over the memory of an input that the call uses up, where a program writes in place. */
  takeOver(input: TensorInfo): TensorInfo {
    this.engine.uploadToGPU(input.dataId);
    // Somebody may have read the input before: what is kept on the host is about to be old.
    this.engine.tensorMap.get(input.dataId).values = null as never;
    this.engine.incRef(input.dataId);
    return { dataId: input.dataId, shape: input.shape, dtype: input.dtype };
  }

  /** Gives back a tensor that served only between programs of one kernel. */
  release(scratch: TensorInfo): void {
    this.engine.disposeData(scratch.dataId);
  }

  /** Records one dispatch. Values of outputs are there when they are read, as with any tensor. */
  run<Buffer extends string, Uniform extends string>(
    program: Program<Buffer, Uniform>,
    { buffers, uniforms, groups }: ProgramCall<Buffer, Uniform>,
  ): void {
    const { engine } = this;
    const recording = this.#recording;
    const { pipeline, layout } = this.#pipelines.get(program);
    const bound = Object.keys(program.buffers).map((name) => {
      const { dataId } = buffers[name as Buffer];
      engine.uploadToGPU(dataId);
      recording.commandQueueOwnedIds.add(dataId);
      return engine.tensorMap.get(dataId).resource as GPUBuffer;
    });
    bound.push(this.#uniformBuffer(program, uniforms, groups));
    const bindGroup = engine.device.createBindGroup({
      label: program.name,
      layout,
      entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const pass = this.#openPass(program.name);
    pass.pushDebugGroup(program.name);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...foldDispatch(groups, engine.device.limits.maxComputeWorkgroupsPerDimension));
    pass.popDebugGroup();
    recording.dispatchCountInPass++;
    this.#submitInTime(program.name);
  }

  /** What is wrong with a program that ran since the last call, if anything. */
  takeFailure(): Promise<SstError | undefined> {
    return this.#pipelines.takeFailure();
  }

  #uniformBuffer(program: Program, uniforms: Readonly<Record<string, number>>, groups: number): GPUBuffer {
    const view = this.#uniformBytes;
    let offset = 0;
    const put = (type: string, value: number) => {
      if (type === "f32") view.setFloat32(offset, value, true);
      else if (type === "i32") view.setInt32(offset, value, true);
      else view.setUint32(offset, value, true);
      offset += 4;
    };
    put("u32", groups);
    for (const [name, type] of Object.entries(program.uniforms)) put(type, uniforms[name] as number);
    const size = Math.ceil(offset / UNIFORM_STEP) * UNIFORM_STEP;
    const { bufferManager, queue } = this.engine;
    const buffer = bufferManager.acquireBuffer(size, GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM);
    queue.writeBuffer(buffer, 0, view.buffer, 0, size);
    this.#recording.uniformPendingDisposal.push(buffer);
    return buffer;
  }

  /** The pass that is open; while somebody profiles, one of its own with timestamps at both ends. */
  #openPass(label: string): GPUComputePassEncoder {
    const { engine } = this;
    const recording = this.#recording;
    const isTimed = recording.activeTimers !== undefined && recording.supportTimestampQuery;
    engine.ensureCommandEncoderReady();
    if (isTimed) engine.endComputePassEncoder();
    if (recording.computePassEncoder === null) {
      recording.computePassEncoder = (recording.commandEncoder as GPUCommandEncoder).beginComputePass({
        label,
        ...(isTimed && { timestampWrites: this.#timestamps() }),
      });
    }
    return recording.computePassEncoder;
  }

  #timestamps(): GPUComputePassTimestampWrites {
    const recording = this.#recording;
    const { querySetCount: count } = recording;
    recording.querySet ??= this.engine.device.createQuerySet({ type: "timestamp", count });
    return { querySet: recording.querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  #submitInTime(name: string): void {
    const { engine } = this;
    const recording = this.#recording;
    if (recording.activeTimers) {
      engine.endComputePassEncoder();
      recording.activeTimers.push({ name, query: engine.getQueryTime() });
    } else if (recording.dispatchCountInPass >= env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")) {
      engine.endComputePassEncoder();
      engine.submitQueue();
    }
  }
}
