/** Records a plan: listens to the calls that a function makes, and finds out what each tensor in them is. */
import { keep, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { type EngineAttributes, kernelByEngineName } from "./kernel.js";
import { activeDevice } from "./live-device.js";
import type { Plan, PlanCall, PlanCarry, PlanValue } from "./plan.js";
import { type HeardCall, listening } from "./recorder.js";
import { equalShapes } from "./shapes.js";

/**
 * A plan and what the function gave, carried tensors included; each output is a tensor of its own.
 *
 * @throws SstError `contradiction` for a plan that uses up a constant, or gives one variable two values,
 * `invalid-argument` or `shape-mismatch` for a carried name that is not an input and an output of one shape and type
 */
export function record(
  f: (inputs: never) => Readonly<Record<string, Tensor>>,
  inputs: Readonly<Record<string, Tensor>>,
  carries: readonly string[],
): { readonly plan: Plan; readonly outputs: Record<string, Tensor> } {
  const recording = new Recording(inputs, carries);
  try {
    const outputs = tidy(() => {
      const given = listening(
        (call) => recording.add(call),
        () => f(inputs as never),
      );
      recording.finish(given);
      return mapValues(given, (output) => output.clone());
    });
    return { plan: recording.plan, outputs };
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
  return Array.isArray(inputs) ? inputs.map(map) : mapValues(inputs as Record<string, From>, map);
}

function mapValues<From, To>(values: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

/** Finds out what is what while calls come in. */
class Recording {
  readonly #values: PlanValue[] = [];
  /** Values by the data that they are, their type and their shape: a tensor and its copy are one. */
  readonly #byData = new Map<object, Map<string, number>>();
  readonly #buffers = new Map<object, number>();
  readonly #calls: PlanCall[] = [];
  readonly #inputs: Record<string, number>;
  readonly #variables: Record<string, number> = {};
  readonly #consumed = new Set<number>();
  readonly #carries: Record<string, PlanCarry> = {};
  #outputs: Record<string, number> = {};

  constructor(
    inputs: Readonly<Record<string, Tensor>>,
    private readonly carriedNames: readonly string[],
  ) {
    this.#inputs = mapValues(inputs, (tensor) => this.#define(tensor));
    for (const name of carriedNames) {
      if (!Object.hasOwn(inputs, name)) {
        throw new SstError("invalid-argument", `the plan carries "${name}", which is no input of it: pass it in`);
      }
    }
  }

  get plan(): Plan {
    const consumed = new Set([...this.#consumed].map((index) => this.#values[index]?.buffer));
    const inputs = this.#notCarried(this.#inputs);
    return {
      backend: activeDevice().backend,
      values: this.#values,
      calls: this.#calls,
      inputs,
      outputs: this.#notCarried(this.#outputs),
      carries: this.#carries,
      variables: this.#variables,
      consumes: Object.entries(inputs).flatMap(([name, index]) =>
        consumed.has(this.#values[index]?.buffer) ? [name] : [],
      ),
    };
  }

  add({ kernel, inputs, attributes, outputs }: HeardCall): void {
    const definition = kernelByEngineName(kernel)?.definition;
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
    this.#outputs = mapValues(outputs, (tensor) => this.#use(tensor));
    for (const name of this.carriedNames) {
      const [input, output] = [this.#inputs[name] as number, this.#outputs[name]];
      if (output === undefined) {
        throw new SstError("invalid-argument", `the plan carries "${name}", but the function does not give it out`);
      }
      const [before, after] = [this.#values[input] as PlanValue, this.#values[output] as PlanValue];
      if (!equalShapes(before.shape, after.shape) || before.dtype !== after.dtype) {
        throw new SstError(
          "shape-mismatch",
          `the plan carries "${name}", which comes in as [${before.shape}] of ${before.dtype} and goes out as ` +
            `[${after.shape}] of ${after.dtype}: both should be the same`,
        );
      }
      this.#carries[name] = { input, output };
    }
  }

  #notCarried(values: Readonly<Record<string, number>>): Record<string, number> {
    return Object.fromEntries(Object.entries(values).filter(([name]) => !this.carriedNames.includes(name)));
  }

  /** The value that a tensor is; one that nothing made and nobody passed in is a constant. */
  #use(tensor: Tensor): number {
    const views = this.#byData.get(tensor.dataId);
    const known = views?.get(viewKey(tensor)) ?? views?.get(shapeKey(tensor));
    if (known !== undefined) return known;
    return this.#define(tensor, keep(tensor.clone()));
  }

  #define({ dataId, shape, dtype }: TensorInfo, constant?: Tensor): number {
    const buffer = this.#buffers.get(dataId) ?? this.#buffers.size;
    this.#buffers.set(dataId, buffer);
    const index = this.#values.push({ shape: [...shape], dtype, buffer, ...(constant && { constant }) }) - 1;
    const views = this.#byData.get(dataId) ?? new Map<string, number>();
    views.set(viewKey({ shape, dtype }), index).set(shapeKey({ shape }), index);
    this.#byData.set(dataId, views);
    return index;
  }
}

/** Where an engine can, a cast leaves the data what it is. */
function viewKey({ shape, dtype }: { readonly shape: readonly number[]; readonly dtype: string }): string {
  return `${dtype}/${shape.join()}`;
}

function shapeKey({ shape }: { readonly shape: readonly number[] }): string {
  return shape.join();
}
