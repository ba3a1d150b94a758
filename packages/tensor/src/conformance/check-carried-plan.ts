/**
 * A plan that carries tensors gives what the calls themselves give, to the bit, run after run: one that is written in place,
 * one that is replaced, one that becomes what another one was, and one that is given out as well; and whoever takes hold
 * of one keeps what it held.
 */
import { add, reshape, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { compile } from "../compile.js";
import { cacheWrite, causalAttention, rmsNorm, rotaryEmbedding, stateBlend } from "../kernels/index.js";
import type { Random } from "../random.js";
import { requireThat } from "./compare.js";
import { toTensor } from "./device-run.js";
import { type HostArray, normals, zeros } from "./host-array.js";

const [CAPACITY, HEADS, HEAD_DIM] = [6, 2, 8];
const SIZE = HEADS * HEAD_DIM;
/** The position after which somebody takes hold of a carried cache. */
const HELD = 2;

type Names = "x" | "keys" | "values" | "state" | "stateBefore";
type Tensors<Name extends string> = Readonly<Record<Name, Tensor>>;

const carries = ["keys", "values", "state", "stateBefore"] as const;

/** A decoded token in small: a cache each for keys and values, and a latent state. */
export async function checkCarriedPlan(random: Random): Promise<void> {
  const float = (array: HostArray) => toTensor(array, "float32");
  const table = () => float(normals(random, [CAPACITY, HEAD_DIM / 2]));
  const constants = {
    weight: float(normals(random, [SIZE])),
    alpha: float(normals(random, [SIZE])),
    keep: float({ shape: [1, 1], data: Float64Array.of(1) }),
    cos: table(),
    sin: table(),
  };
  const shape = [1, 1, SIZE];
  const cache = zeros([1, CAPACITY, HEADS, HEAD_DIM]);
  const state = normals(random, shape);
  const begin = () => ({ keys: float(cache), values: float(cache), state: float(state), stateBefore: float(state) });

  const xs = Array.from({ length: CAPACITY }, () => float(normals(random, shape)));
  const first = { x: xs[0] as Tensor, ...begin() };
  const plan = compile((inputs: Tensors<Names>) => step(inputs, constants, 0), first, { carries });
  let direct = begin();
  const given: Tensors<"y" | "blended">[] = [];
  const expected: Tensors<"y" | "blended">[] = [];
  let held: Tensors<"plan" | "direct"> | undefined;
  for (const [position, x] of xs.entries()) {
    const variables = {
      "rotaryEmbedding.offset": position,
      "causalAttention.pastLength": position,
      "cacheWrite.offset": position,
    };
    given.push(position === 0 ? plan.first : plan.run({ x }, variables));
    const { y, blended, ...next } = tidy(() => {
      const outputs = step({ x, ...direct }, constants, position);
      return { ...outputs, stateBefore: outputs.stateBefore.clone() };
    });
    expected.push({ y, blended });
    for (const name of carries) {
      await requireSame(plan.carried()[name], next[name], `"${name}" after run ${position + 1}`);
      direct[name].dispose();
    }
    direct = next;
    if (position === HELD) held = { plan: plan.carried().keys.clone(), direct: direct.keys.clone() };
  }
  if (held !== undefined) {
    await requireSame(held.plan, held.direct, `"keys" of run ${HELD + 1}, held since`);
    for (const each of Object.values(held)) each.dispose();
  }
  // Only now: no later run writes over what an earlier one gave out.
  for (const [run, outputs] of given.entries()) {
    for (const name of ["y", "blended"] as const) {
      const right = (expected[run] as typeof outputs)[name];
      await requireSame(outputs[name], right, `"${name}" of run ${run + 1}`);
      for (const each of [outputs[name], right]) each.dispose();
    }
  }
  const released = plan.release();
  for (const name of carries) {
    await requireSame(released[name], direct[name], `"${name}" when it is released`);
    for (const each of [released[name], direct[name]]) each.dispose();
  }
  // Once more from the start, on memory of its own: what was released is still there.
  plan.takeOver(begin());
  const again = plan.run({ x: xs[0] as Tensor });
  const once = tidy(() => step({ x: xs[0] as Tensor, ...begin() }, constants, 0));
  for (const name of ["y", "blended"] as const) {
    await requireSame(again[name], once[name], `"${name}" from other tensors`);
    again[name].dispose();
  }
  for (const name of carries) await requireSame(plan.carried()[name], once[name], `"${name}" from other tensors`);
  for (const each of [...xs, ...Object.values(constants), ...Object.values(once)]) each.dispose();
  plan.dispose();
}

function step(
  { x, keys, values, state, stateBefore }: Tensors<Names>,
  { weight, alpha, keep, cos, sin }: Tensors<"weight" | "alpha" | "keep" | "cos" | "sin">,
  position: number,
) {
  const n = rmsNorm({ x: add(x, stateBefore), weight }, { epsilon: 1e-5 }).y;
  const rows = reshape(n, [1, 1, HEADS, HEAD_DIM]);
  const q = rotaryEmbedding({ x: rows, cos, sin }, { offset: position, iterations: 1, direction: "forth" }).y;
  const attended = causalAttention(
    { q, k: q, v: rows, pastK: keys, pastV: values },
    { scale: 0.5, pastLength: position, iterations: 1, window: 0 },
  ).y;
  const next = stateBlend({ a: reshape(attended, [1, 1, SIZE]), state, alpha, keep }, {}).h;
  return {
    y: add(next, n),
    blended: reshape(next, [SIZE]),
    keys: cacheWrite({ cache: keys, rows: q }, { offset: position }).cache,
    values: cacheWrite({ cache: values, rows }, { offset: position }).cache,
    state: next,
    stateBefore: state,
  };
}

async function requireSame(given: Tensor, expected: Tensor, what: string): Promise<void> {
  const [right, found] = [await expected.data(), await given.data()];
  requireThat(
    right.length === found.length && right.every((value, index) => Object.is(value, found[index])),
    () => `${what}: the plan gives other values than its calls do`,
  );
}
