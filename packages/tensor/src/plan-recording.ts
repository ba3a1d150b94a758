/** Records a plan: listens to the calls that a function makes, and finds out what each tensor in them is. */
import { keep, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { type EngineAttributes, engineKernelName, kernels } from "./kernel.js";
import { activeDevice } from "./live-device.js";
import type { Plan, PlanCall, PlanValue } from "./plan.js";
import { type HeardCall, listening } from "./recorder.js";

/** @throws SstError `contradiction` for a plan that uses up a constant, or gives one variable two values */
export function record(
  f: (inputs: never) => Readonly<Record<string, Tensor>>,
  inputs: Readonly<Record<string, Tensor>>,
): Plan {
  const recording = new Recording(inputs);
  try {
    tidy(() => {
      const outputs = listening(
        (call) => recording.add(call),
        () => f(inputs as never),
      );
      recording.finish(outputs);
    });
    return recording.plan;
  } catch (error) {
    disposeConstants(recording.plan);
    throw error;
  }
}

export function disposeConstants({ values }: Plan): void {
  for (const { constant } of values) constant?.dispose();
}

/** By name or as a list, as the engine has them. */
export function mapInputs<From, To>(
  inputs: Readonly<Record<string, From>> | readonly From[],
  map: (input: From) => To,
): Readonly<Record<string, To>> | readonly To[] {
  if (Array.isArray(inputs)) return inputs.map(map);
  return Object.fromEntries(Object.entries(inputs as Record<string, From>).map(([name, input]) => [name, map(input)]));
}

/** Finds out what is what while calls come in. */
class Recording {
  readonly #values: PlanValue[] = [];
  /** Values by the data that they are and their shape: a tensor and its copy are one. */
  readonly #byData = new Map<object, Map<string, number>>();
  readonly #buffers = new Map<object, number>();
  readonly #calls: PlanCall[] = [];
  readonly #inputs: Record<string, number>;
  readonly #variables: Record<string, number> = {};
  readonly #consumed = new Set<number>();
  #outputs: Record<string, number> = {};

  constructor(inputs: Readonly<Record<string, Tensor>>) {
    this.#inputs = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, this.#define(tensor)]));
  }

  get plan(): Plan {
    const consumed = new Set([...this.#consumed].map((index) => this.#values[index]?.buffer));
    return {
      backend: activeDevice().backend,
      values: this.#values,
      calls: this.#calls,
      inputs: this.#inputs,
      outputs: this.#outputs,
      variables: this.#variables,
      consumes: Object.entries(this.#inputs).flatMap(([name, index]) =>
        consumed.has(this.#values[index]?.buffer) ? [name] : [],
      ),
    };
  }

  add({ kernel, inputs, attributes, outputs }: HeardCall): void {
    const definition = kernels().find((each) => engineKernelName(each.definition.name) === kernel)?.definition;
    const used = mapInputs(inputs, (tensor) => this.#use(tensor));
    for (const name of definition?.consumes ?? []) {
      const index = (used as Record<string, number>)[name] as number;
      if (this.#values[index]?.constant) {
        throw new SstError(
          "contradiction",
          `the plan uses up "${name}" of ${definition?.name}, which is no input of it: pass that tensor in`,
        );
      }
      this.#consumed.add(index);
    }
    const variables: Record<string, string> = {};
    for (const [name, spec] of Object.entries(definition?.attributes ?? {})) {
      if (spec.kind === "choice" || !spec.dynamic) continue;
      const variable = `${definition?.name}.${name}`;
      const value = (attributes as EngineAttributes).attributes[name] as number;
      const known = this.#variables[variable] ?? value;
      this.#variables[variable] = known;
      if (known !== value) {
        throw new SstError(
          "contradiction",
          `a plan has one ${variable}, but calls were made with ${known} and ${value}`,
        );
      }
      variables[name] = variable;
    }
    this.#calls.push({
      kernel,
      inputs: used,
      outputs: outputs.map((info) => this.#define(info)),
      attributes,
      variables,
    });
  }

  finish(outputs: Readonly<Record<string, Tensor>>): void {
    this.#outputs = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, this.#use(tensor)]));
  }

  /** The value that a tensor is; one that nothing made and nobody passed in is a constant. */
  #use(tensor: Tensor): number {
    const known = this.#byData.get(tensor.dataId)?.get(shapeKey(tensor));
    if (known !== undefined) return known;
    return this.#define(tensor, keep(tensor.clone()));
  }

  #define({ dataId, shape, dtype }: TensorInfo, constant?: Tensor): number {
    const buffer = this.#buffers.get(dataId) ?? this.#buffers.size;
    this.#buffers.set(dataId, buffer);
    const index = this.#values.push({ shape: [...shape], dtype, buffer, ...(constant && { constant }) }) - 1;
    const views = this.#byData.get(dataId) ?? new Map<string, number>();
    views.set(shapeKey({ shape }), index);
    this.#byData.set(dataId, views);
    return index;
  }
}

function shapeKey({ shape }: { readonly shape: readonly number[] }): string {
  return shape.join();
}
