/** Where the buffers of a plan lie: constants where they are, all others in one block, reused once nobody needs them. */
import type { Plan, PlanCall } from "@sst/tensor";
import { roundUp } from "../heap.js";

/** Buffers whose place is not the layout's business: constants and what is carried. */
export type PlacedElsewhere = (buffer: number) => boolean;

export interface Layout {
  /** Offset in the block, by buffer. */
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

/** @param lasting values that are needed after the last call */
export function layOut(plan: Plan, lasting: readonly number[], isElsewhere: PlacedElsewhere): Layout {
  const sizes = bufferBytes(plan);
  const endings = endingsOf(plan, lasting);
  const offsets = new Map<number, number>();
  const block = new Block();
  const place = (value: number) => {
    const { buffer } = plan.values[value] as Plan["values"][number];
    if (isElsewhere(buffer) || offsets.has(buffer)) return;
    offsets.set(buffer, block.take(sizes.get(buffer) as number));
  };
  for (const value of Object.values(plan.inputs)) place(value);
  plan.calls.forEach((call, at) => {
    for (const value of call.outputs) place(value);
    for (const buffer of endings[at] as readonly number[]) {
      const offset = offsets.get(buffer);
      if (offset !== undefined) block.giveBack(offset, sizes.get(buffer) as number);
    }
  });
  return { offsets, bytes: block.end };
}

/** Bytes of a value of a plan. */
export function valueBytes({ shape, dtype }: Plan["values"][number]): number {
  return shape.reduce((product, size) => product * size, dtype === "bool" ? 1 : 4);
}

function bufferBytes(plan: Plan): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const value of plan.values) {
    sizes.set(value.buffer, Math.max(sizes.get(value.buffer) ?? 0, roundUp(valueBytes(value))));
  }
  return sizes;
}

/** For every call the buffers that none after it touches; inputs and what lasts are not among them. */
function endingsOf(plan: Plan, lasting: readonly number[]): number[][] {
  const bufferOf = (value: number) => (plan.values[value] as Plan["values"][number]).buffer;
  const uses = new Map<number, number>();
  plan.calls.forEach((call, at) => {
    for (const value of valuesOf(call)) uses.set(bufferOf(value), at);
  });
  for (const value of [...lasting, ...Object.values(plan.inputs)]) uses.delete(bufferOf(value));
  const endings: number[][] = plan.calls.map(() => []);
  for (const [buffer, last] of uses) endings[last]?.push(buffer);
  return endings;
}

function valuesOf({ inputs, outputs }: PlanCall): number[] {
  return [...Object.values(inputs), ...outputs];
}

/** Hands out pieces of a block that grows. Sizes repeat in a plan, so only pieces of the same size are used again. */
class Block {
  end = 0;
  readonly #free = new Map<number, number[]>();

  take(size: number): number {
    const known = this.#free.get(size)?.pop();
    if (known !== undefined) return known;
    this.end += size;
    return this.end - size;
  }

  giveBack(offset: number, size: number): void {
    const list = this.#free.get(size);
    if (list) list.push(offset);
    else this.#free.set(size, [offset]);
  }
}
