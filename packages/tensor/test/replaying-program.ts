/**
 * The least that compiling can be, on TensorFlow.js' JavaScript backend: the calls of a plan one after the other, on memory
 * that was bound once. What a real program does in one call into a device, step by step in sight.
 */
import type { Plan, PlanProgram } from "@sst/tensor";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { engine, type NamedTensorMap, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";

export class ReplayingProgram implements PlanProgram {
  #carried: Readonly<Record<string, TensorInfo>> = {};
  bindings = 0;

  constructor(
    private readonly backend: MathBackendCPU,
    private readonly plan: Plan,
  ) {}

  bind(carried: Readonly<Record<string, TensorInfo>>): void {
    this.#carried = { ...carried };
    this.bindings++;
  }

  run(
    given: Readonly<Record<string, TensorInfo>>,
    variables: Readonly<Record<string, number>>,
  ): Readonly<Record<string, TensorInfo>> {
    const { inputs, outputs, carries } = this.plan;
    const results: Record<string, TensorInfo> = {};
    tidy(() => {
      const values = this.plan.values.map(({ constant }) => constant);
      const enter = (index: number, info: TensorInfo) => {
        values[index] = this.#copy(info);
      };
      for (const [name, index] of Object.entries(inputs)) enter(index, given[name] as TensorInfo);
      for (const [name, { input }] of Object.entries(carries)) enter(input, this.#carried[name] as TensorInfo);
      this.#replay(values, variables);
      for (const [name, index] of Object.entries(outputs)) {
        const { shape, dtype } = values[index] as Tensor;
        const copy = Float32Array.from(this.#memoryOf(values[index] as Tensor));
        results[name] = { shape, dtype, dataId: this.backend.write(copy, shape, dtype) };
      }
      // All at once: what one becomes may be what another one was, and that was copied when it came in.
      for (const [name, { output }] of Object.entries(carries)) {
        this.#memoryOf(this.#carried[name] as TensorInfo).set(this.#memoryOf(values[output] as Tensor));
      }
    });
    return results;
  }

  dispose(): void {
    this.#carried = {};
  }

  #replay(values: (Tensor | undefined)[], variables: Readonly<Record<string, number>>): void {
    for (const { kernel, inputs, outputs, attributes, variables: names } of this.plan.calls) {
      const pick = (index: number) => values[index] as Tensor;
      const tensors = Array.isArray(inputs)
        ? inputs.map(pick)
        : Object.fromEntries(Object.entries(inputs).map(([name, index]) => [name, pick(index)]));
      const attrs = structuredClone(attributes) as { attributes: Record<string, unknown> };
      for (const [name, variable] of Object.entries(names)) attrs.attributes[name] = variables[variable];
      const result = engine().runKernel(kernel, tensors as NamedTensorMap, attrs as never);
      outputs.forEach((index, at) => {
        values[index] = (Array.isArray(result) ? result[at] : result) as Tensor;
      });
    }
  }

  #memoryOf({ dataId }: TensorInfo): Float32Array {
    return this.backend.readSync(dataId) as Float32Array;
  }

  #copy(info: TensorInfo): Tensor {
    const values = this.#memoryOf(info).slice();
    return engine().makeTensor(values, info.shape, info.dtype);
  }
}
