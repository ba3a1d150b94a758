/** Makes the calls of a plan one by one: what runs where a backend does not compile it. */
import { engine, type NamedTensorMap, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { EngineAttributes } from "./kernel.js";
import type { Plan, PlanCall } from "./plan.js";
import { mapInputs } from "./plan-recording.js";

/** For every call the values that nobody needs after it. */
export function lastUsesOf(plan: Plan): readonly (readonly number[])[] {
  const carried = Object.values(plan.carries).flatMap(({ input, output }) => [input, output]);
  const lasting = new Set([...Object.values(plan.inputs), ...Object.values(plan.outputs), ...carried]);
  const seen = new Set<number>();
  const ends: number[][] = plan.calls.map(() => []);
  for (let at = plan.calls.length - 1; at >= 0; at--) {
    const { inputs, outputs } = plan.calls[at] as PlanCall;
    for (const index of [...Object.values(inputs), ...outputs]) {
      if (seen.has(index) || lasting.has(index) || plan.values[index]?.constant) continue;
      seen.add(index);
      ends[at]?.push(index);
    }
  }
  return ends;
}

/** Outputs by name, the new carried tensors among them. */
export function runOneByOne(
  plan: Plan,
  lastUses: readonly (readonly number[])[],
  given: Readonly<Record<string, Tensor>>,
  carried: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): Record<string, Tensor> {
  return tidy(() => {
    const values = plan.values.map(({ constant }) => constant);
    for (const [name, index] of Object.entries(plan.inputs)) values[index] = given[name];
    for (const [name, { input }] of Object.entries(plan.carries)) values[input] = carried[name];
    plan.calls.forEach((call, at) => {
      const inputs = mapInputs(call.inputs, (index) => values[index] as Tensor);
      const results = engine().runKernel(call.kernel, inputs as NamedTensorMap, attributesOf(call, variables) as never);
      const outputs = (Array.isArray(results) ? results : [results]) as Tensor[];
      call.outputs.forEach((index, position) => {
        values[index] = outputs[position];
      });
      for (const index of lastUses[at] as readonly number[]) values[index]?.dispose();
    });
    const left = Object.entries(plan.carries).map(([name, { output }]) => [name, output] as const);
    // An input or a constant that is given out as it came is a tensor of its own.
    return Object.fromEntries(
      [...Object.entries(plan.outputs), ...left].map(([name, index]) => [name, (values[index] as Tensor).clone()]),
    );
  });
}

function attributesOf(call: PlanCall, variables: Readonly<Record<string, number>>): unknown {
  const names = Object.entries(call.variables);
  if (names.length === 0) return call.attributes;
  const given = call.attributes as EngineAttributes;
  const set = names.map(([name, variable]) => [name, variables[variable]]);
  return { ...given, attributes: { ...given.attributes, ...Object.fromEntries(set) } };
}
