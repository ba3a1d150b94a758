/**
 * Loss and gradients by recorded plans, one for each shape of a batch: the same calls as `lossAndGradients` makes, without
 * the work of making them. A shape is recorded when it comes for the second time, since recording costs as much as some steps.
 */
import type { DecoderModel, ForwardOptions } from "@sst/layers";
import { type CompiledPlan, compile, type Tensor } from "@sst/tensor";
import type { Batch } from "./batch.js";
import { accumulate, type BatchTensors, gradientsOf, type LossAndGradients } from "./gradients.js";

/** Shapes that are kept; the one used longest ago goes. */
const KEPT_SHAPES = 32;

const LOSS = "loss";

export class GradientPlans implements Disposable {
  /** By shape, the one used longest ago first; undefined for one that came once. */
  readonly #plans = new Map<string, CompiledPlan | undefined>();

  constructor(
    private readonly model: DecoderModel,
    private readonly parameterNames: readonly string[],
    private readonly options: ForwardOptions = {},
  ) {}

  /** As `lossAndGradients`, to the bit. */
  run(batches: readonly Batch[]): LossAndGradients {
    const parameters = Object.fromEntries(this.parameterNames.map((name) => [name, this.model.tensor(name)]));
    return accumulate(batches, (batch) => this.#runOne(batch, parameters), this.options.iterations);
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan?.dispose();
    this.#plans.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #runOne(given: BatchTensors, parameters: Readonly<Record<string, Tensor>>): LossAndGradients {
    const direct = () => gradientsOf(this.model, given, parameters, this.options);
    const batch = given as BatchTensors & Record<string, Tensor>;
    // What is told while the calls are made would not be told by a plan.
    if (this.options.onResidual) return direct();
    const shape = `${batch.tokens.shape}${batch.starts ? " in documents" : ""}`;
    const isKnown = this.#plans.has(shape);
    const plan = this.#plans.get(shape);
    this.#plans.delete(shape);
    if (plan !== undefined) {
      this.#keep(shape, plan);
      return sorted(plan.run({ ...parameters, ...batch }));
    }
    if (!isKnown) {
      this.#keep(shape, undefined);
      return direct();
    }
    const recorded = compile(
      () => {
        const { loss, gradients } = direct();
        return { [LOSS]: loss, ...gradients };
      },
      { ...parameters, ...batch },
    );
    this.#keep(shape, recorded);
    return sorted(recorded.first);
  }

  #keep(shape: string, plan: CompiledPlan | undefined): void {
    this.#plans.set(shape, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size <= KEPT_SHAPES || oldest === undefined) return;
    this.#plans.get(oldest)?.dispose();
    this.#plans.delete(oldest);
  }
}

function sorted(outputs: Readonly<Record<string, Tensor>>): LossAndGradients {
  const { [LOSS]: loss, ...gradients } = outputs;
  return { loss: loss as Tensor, gradients };
}
