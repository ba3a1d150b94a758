/**
 * Loss and gradients by recorded plans, one for each shape of a batch and each way to run: the same calls as `lossAndGradients`
 * makes, without the work of making them. A plan is recorded when it is asked for the second time, since recording costs as
 * much as some steps.
 */
import type { DecoderModel, ForwardOptions } from "@sst/layers";
import { type CompiledPlan, compile, type Tensor } from "@sst/tensor";
import type { Batch } from "./batch.js";
import { squaredNorms } from "./finiteness.js";
import { accumulate, type BatchTensors, gradientsOf, type LossAndGradients } from "./gradients.js";

/** Plans that are kept; the one used longest ago goes. */
const KEPT_PLANS = 32;

const LOSS = "loss";
const SQUARES = "squares";

export class GradientPlans implements Disposable {
  /** By shape and options, the one used longest ago first; undefined for what was asked for once. */
  readonly #plans = new Map<string, CompiledPlan | undefined>();

  constructor(
    private readonly model: DecoderModel,
    private readonly parameterNames: readonly string[],
  ) {}

  /** As `lossAndGradients`, to the bit, and the gradients' sums of squares: those of a single batch are a part of its plan. */
  run(batches: readonly Batch[], options: ForwardOptions = {}): Required<LossAndGradients> {
    const parameters = Object.fromEntries(this.parameterNames.map((name) => [name, this.model.tensor(name)]));
    const isWhole = batches.length === 1;
    const total = accumulate(batches, (batch) => this.#runOne(batch, parameters, options, isWhole), options);
    return { ...total, squares: total.squares ?? squaredNorms(total.gradients) };
  }

  /** Gives back what all plans hold on the device: for options that will hardly come again. */
  forget(): void {
    for (const plan of this.#plans.values()) plan?.dispose();
    this.#plans.clear();
  }

  dispose(): void {
    this.forget();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #runOne(
    given: BatchTensors,
    parameters: Readonly<Record<string, Tensor>>,
    options: ForwardOptions,
    isWhole: boolean,
  ): LossAndGradients {
    const direct = () => {
      const found = gradientsOf(this.model, given, parameters, options);
      return isWhole ? { ...found, squares: squaredNorms(found.gradients) } : found;
    };
    const batch = given as BatchTensors & Record<string, Tensor>;
    // What is told while the calls are made would not be told by a plan.
    if (options.onResidual) return direct();
    const isInDocuments = batch.starts !== undefined;
    const key = JSON.stringify([batch.tokens.shape, batch.labels.shape, options, isInDocuments, isWhole]);
    const isKnown = this.#plans.has(key);
    const plan = this.#plans.get(key);
    this.#plans.delete(key);
    if (plan !== undefined) {
      this.#keep(key, plan);
      return sorted(plan.run({ ...parameters, ...batch }));
    }
    if (!isKnown) {
      this.#keep(key, undefined);
      return direct();
    }
    const recorded = compile(
      (): Record<string, Tensor> => {
        const { loss, gradients, squares } = direct();
        return { [LOSS]: loss, ...(squares && { [SQUARES]: squares }), ...gradients };
      },
      { ...parameters, ...batch },
    );
    this.#keep(key, recorded);
    return sorted(recorded.first);
  }

  #keep(key: string, plan: CompiledPlan | undefined): void {
    this.#plans.set(key, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size <= KEPT_PLANS || oldest === undefined) return;
    this.#plans.get(oldest)?.dispose();
    this.#plans.delete(oldest);
  }
}

function sorted(outputs: Readonly<Record<string, Tensor>>): LossAndGradients {
  const { [LOSS]: loss, [SQUARES]: squares, ...gradients } = outputs;
  return { loss: loss as Tensor, gradients, ...(squares && { squares }) };
}
