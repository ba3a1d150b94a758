/** One column of every row as recorded plans, and what the rows hold, which goes from one to the other. */
import { compile, type Tensor, tidy } from "@sst/tensor";
import type { CachedTensors, DecodeOutputs, DecodePlan } from "../decode-plans.js";
import { runStack } from "../decoder-stack.js";
import { embed, head } from "../forward.js";
import { planForward } from "../forward-options.js";
import { recirculated } from "../state-stream/recirculation.js";
import type { ModelWeights } from "../weights.js";
import { RowMemory } from "./row-memory.js";
import { emptyRows, type RowSizes } from "./row-tensors.js";

export class RowPlans implements Disposable {
  /** With logits and without; one of them has the rows. */
  readonly #plans = new Map<boolean, DecodePlan>();
  #plan: DecodePlan | undefined;
  /** While no plan has them. */
  #tensors: Record<string, Tensor> | undefined;

  constructor(
    private readonly weights: ModelWeights,
    private readonly sizes: RowSizes,
    given: Readonly<Record<string, Tensor>> = {},
  ) {
    this.#tensors = emptyRows(weights.config, sizes, given);
  }

  /** What the rows hold, by the names of `emptyRows`: to look at until the next run. */
  get tensors(): Readonly<Record<string, Tensor>> {
    return this.#tensors ?? (this.#plan as DecodePlan).carried();
  }

  /** @param inputs the caller's: `tokens`, `ahead`, and with a stream `begins`, `precedes` and, with recirculation, `goesOn` */
  run(inputs: Readonly<Record<string, Tensor>>, hasLogits: boolean): Pick<DecodeOutputs, "logits" | "top"> {
    const plan = this.#plans.get(hasLogits) ?? this.weights.plans.take(this.#keyOf(hasLogits));
    if (plan !== undefined && plan === this.#plan) return plan.run(inputs);
    const tensors = this.#tensors ?? (this.#plan as DecodePlan).release();
    this.#plan = undefined;
    this.#tensors = tensors;
    const now = plan ?? this.#record(inputs, tensors, hasLogits);
    this.#plans.set(hasLogits, now);
    plan?.takeOver(tensors);
    this.#plan = now;
    this.#tensors = undefined;
    return plan === undefined ? now.first : now.run(inputs);
  }

  /** Changes what the rows hold, between two runs. */
  change(by: (tensors: Record<string, Tensor>) => void): void {
    const plan = this.#plan;
    const tensors = this.#tensors ?? { ...(plan as DecodePlan).release() };
    try {
      tidy(() => by(tensors));
    } finally {
      if (this.#tensors === undefined) (plan as DecodePlan).takeOver(tensors);
    }
  }

  /** What the rows hold becomes the caller's; nothing runs afterwards. */
  release(): Record<string, Tensor> {
    const tensors = this.#tensors ?? { ...(this.#plan as DecodePlan).release() };
    this.#tensors = {};
    this.#plan = undefined;
    return tensors;
  }

  dispose(): void {
    for (const each of Object.values(this.release())) each.dispose();
    for (const [hasLogits, plan] of this.#plans) this.weights.plans.giveBack(this.#keyOf(hasLogits), plan);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #keyOf(hasLogits: boolean): string {
    const { rows, capacity, hasStream } = this.sizes;
    return ["rows", rows, capacity, hasStream, hasLogits].join("/");
  }

  #record(inputs: Record<string, Tensor>, tensors: Record<string, Tensor>, hasLogits: boolean): DecodePlan {
    const names = Object.keys(tensors);
    const step = (all: CachedTensors) => this.#pass(all, names, hasLogits);
    const plan = compile<string, string, string>(step, { ...inputs, ...tensors }, { carries: names });
    // Which names are carried, and so are no outputs, is known at run time alone.
    return plan as unknown as DecodePlan;
  }

  #pass(all: CachedTensors, names: readonly string[], hasLogits: boolean): Record<string, Tensor> {
    const { weights } = this;
    const input = (name: string) => all[name] as Tensor;
    const carried = Object.fromEntries(names.map((name) => [name, input(name)]));
    const ahead = input("ahead");
    const memory = new RowMemory(carried, { ahead, begins: all.begins ?? ahead });
    const embedded = embed(weights, input("tokens"));
    const { recirculation } = weights;
    let x = embedded;
    if (all.goesOn && recirculation) {
      const before = memory.topBefore();
      x = recirculated(embedded, before, weights, recirculation, all.goesOn);
      before.dispose();
    }
    const top = runStack(x, {
      weights,
      plan: planForward(weights.config, { streamOff: !this.sizes.hasStream }),
      chunk: { time: 1, offset: 0, iterations: 1, ahead },
      rotary: weights.constants.rotary(this.sizes.capacity),
      memory,
      ...(all.precedes && { precedes: all.precedes }),
      place: { start: 0, firstIteration: 1 },
      keepsKeys: true,
      leavesStates: this.sizes.hasStream,
      options: {},
    });
    memory.leaveTop(top);
    return { ...(hasLogits && { logits: head(top, weights) }), top, ...memory.left };
  }
}
