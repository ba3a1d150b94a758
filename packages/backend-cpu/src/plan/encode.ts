/**
 * The steps of a plan as words. Every kernel writes them down through a frame, as it otherwise runs them.
 */
import type { Plan, PlanCall } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { basicOperations } from "../basic/index.js";
import { type Core, floatBits } from "../core.js";
import type { Frame } from "../frame.js";
import type { CoreCall } from "../kernels/arguments.js";
import { coreKernels } from "../kernels/index.js";
import { Operation } from "../operation.js";

/** What the steps' addresses come from. */
export interface Places {
  readonly core: Core;
  /** Where a value lies. */
  addressOf(value: number): number;
  /** Room that the steps of one call share; the largest that is asked for is what a program needs. */
  scratch(bytes: number): number;
}

export interface EncodedPlan {
  readonly words: readonly number[];
  readonly followers: readonly Followers[];
}

/** Words that follow a variable: its value, or the bits of that as a float. */
export interface Followers {
  readonly variable: string;
  readonly isReal: boolean;
  readonly indices: readonly number[];
}

/** @returns undefined for a plan with a call that is not compiled here */
export function encodePlan(plan: Plan, places: Places): EncodedPlan | undefined {
  const words: number[] = [];
  const followers = new Map<string, { variable: string; isReal: boolean; indices: number[] }>();
  for (const call of plan.calls) {
    const encoded = encodeCall(plan, call, places);
    if (encoded === undefined) return undefined;
    for (const { variable, isReal, indices } of encoded.followers) {
      const key = `${variable}/${isReal}`;
      const known = followers.get(key) ?? { variable, isReal, indices: [] };
      known.indices.push(...indices.map((index) => words.length + index));
      followers.set(key, known);
    }
    words.push(...encoded.words);
  }
  return { words, followers: [...followers.values()] };
}

/** A copy of `bytes` (of four-byte elements) as words. */
export function copyWords(from: number, to: number, bytes: number): number[] {
  return [Operation.stridedCopy, 16, from, to, ...[bytes / 4, 1, 1, 1], ...[1, 0, 0, 0], ...[1, 0, 0, 0]];
}

/** A word that follows a variable is found by writing the call down twice, with two values of it. */
function encodeCall(plan: Plan, call: PlanCall, places: Places): EncodedPlan | undefined {
  const words = encodeWith(plan, call, places, {});
  if (words === undefined) return undefined;
  const followers: Followers[] = [];
  for (const [attribute, variable] of Object.entries(call.variables)) {
    const value = plan.variables[variable] as number;
    const other = encodeWith(plan, call, places, { [attribute]: value + 1 }) as number[];
    const indices = words.flatMap((word, index) => (word === other[index] ? [] : [index]));
    const holds = (of: (value: number) => number) =>
      indices.every((index) => words[index] === of(value) && other[index] === of(value + 1));
    const isReal = !holds((each) => each);
    // A word that is computed from a variable would have to be computed at each run.
    if (isReal && !holds(floatBits)) return undefined;
    followers.push({ variable, isReal, indices });
  }
  return { words, followers };
}

function encodeWith(
  plan: Plan,
  call: PlanCall,
  places: Places,
  set: Readonly<Record<string, number>>,
): number[] | undefined {
  const words: number[] = [];
  const inputs = Object.fromEntries(Object.entries(call.inputs).map(([name, value]) => [name, infoOf(plan, value)]));
  const frame = writingFrame(plan, call, places, words);
  const name = call.kernel.startsWith("sst/") ? call.kernel.slice("sst/".length) : undefined;
  if (name === undefined) {
    const operation = basicOperations[call.kernel];
    const result = operation?.(frame, inputs, (call.attributes ?? {}) as Record<string, unknown>);
    return result === undefined || frame.isWrong() ? undefined : words;
  }
  const kernel = coreKernels[name];
  if (kernel === undefined) return undefined;
  const recorded = call.attributes as Omit<CoreCall, "inputs">;
  kernel(frame, { ...recorded, attributes: { ...recorded.attributes, ...set }, inputs });
  return frame.isWrong() ? undefined : words;
}

/** A value as the tensor that a kernel is given: known by its index. */
function infoOf(plan: Plan, value: number): TensorInfo {
  const { shape, dtype } = plan.values[value] as Plan["values"][number];
  return { dataId: { value }, shape: [...shape], dtype: dtype as TensorInfo["dtype"] };
}

function writingFrame(plan: Plan, call: PlanCall, places: Places, words: number[]): Frame & { isWrong(): boolean } {
  let given = 0;
  let isWrong = false;
  const bufferOf = (value: number) => plan.values[value]?.buffer;
  const next = () => call.outputs[given++] as number;
  const indexOf = (info: TensorInfo) => (info.dataId as { value: number }).value;
  return {
    core: places.core,
    address: (info) => places.addressOf(indexOf(info)),
    output: () => infoOf(plan, next()),
    takeOver: (input) => {
      const value = next();
      // Recorded as data of its own: then it is not what the plan says.
      if (bufferOf(value) !== bufferOf(indexOf(input))) isWrong = true;
      return infoOf(plan, value);
    },
    scratch: places.scratch,
    reserveAreas: places.core.reserveAreas,
    step: (operation, args) => {
      words.push(operation, args.length + 2, ...args);
    },
    isWrong: () => isWrong,
  };
}
