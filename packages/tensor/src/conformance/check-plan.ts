/** A recorded plan gives what the calls themselves give, to the bit, for other inputs and variables than it was recorded with. */
import { add, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { compile } from "../compile.js";
import { cacheWrite, causalAttention, rmsNorm, rotaryEmbedding } from "../kernels/index.js";
import type { Random } from "../random.js";
import { requireThat } from "./compare.js";
import { toTensor } from "./device-run.js";
import { normals, zeros } from "./host-array.js";

const [CAPACITY, HEADS, HEAD_DIM] = [6, 2, 8];

/** A decoder's attention over a cache, in small: two kernels that take their position from a variable, and one in place. */
export async function checkPlan(random: Random): Promise<void> {
  const weight = toTensor(normals(random, [HEAD_DIM]), "float32");
  const table = () => toTensor(normals(random, [CAPACITY, HEAD_DIM / 2]), "float32");
  const [cos, sin] = [table(), table()];
  const step = (inputs: Readonly<Record<"x" | "keys", Tensor>>, position: number) => {
    const turned = rotaryEmbedding(
      { x: inputs.x, cos, sin },
      { offset: position, iterations: 1, direction: "forth" },
    ).y;
    const q = rmsNorm({ x: turned, weight }, { epsilon: 1e-5 }).y;
    const attributes = { scale: 0.5, pastLength: position, iterations: 1, window: 0 };
    const past = { pastK: inputs.keys, pastV: inputs.keys };
    const y = add(causalAttention({ q, k: turned, v: turned, ...past }, attributes).y, 1);
    return { y, keys: cacheWrite({ cache: inputs.keys, rows: turned }, { offset: position }).cache };
  };
  const shape = [1, 1, HEADS, HEAD_DIM];
  const emptyCache = () => toTensor(zeros([1, CAPACITY, HEADS, HEAD_DIM]), "float32");
  const example = { x: toTensor(normals(random, shape), "float32"), keys: emptyCache() };
  const plan = compile((inputs) => step(inputs, 0), example);
  for (const each of [...Object.values(example), ...Object.values(plan.first)]) each.dispose();

  let direct = emptyCache();
  let replayed = emptyCache();
  for (let position = 0; position < CAPACITY; position++) {
    const x = toTensor(normals(random, shape), "float32");
    const expected = tidy(() => step({ x, keys: direct }, position));
    const variables = {
      "rotaryEmbedding.offset": position,
      "causalAttention.pastLength": position,
      "cacheWrite.offset": position,
    };
    const given = plan.run({ x, keys: replayed }, variables);
    for (const name of ["y", "keys"] as const) {
      const [right, found] = [await expected[name].data(), await given[name].data()];
      requireThat(
        right.every((value, index) => Object.is(value, found[index])),
        () => `a plan gives other values for "${name}" at position ${position} than its calls do`,
      );
    }
    for (const each of [x, direct, replayed, expected.y, given.y]) each.dispose();
    direct = expected.keys;
    replayed = given.keys;
  }
  for (const each of [weight, cos, sin, direct, replayed]) each.dispose();
  plan.dispose();
}
