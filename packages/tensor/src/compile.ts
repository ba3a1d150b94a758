/** Makes plans and runs them: `compile` records a function (`plan-recording.ts`), the active backend may take over from there. */
import { engine, keep, type Tensor, type TensorInfo } from "@tensorflow/tfjs-core";
import { copyOf, isShared, withoutAliases } from "./aliases.js";
import { SstError } from "./errors.js";
import { activeDevice } from "./live-device.js";
import type { Plan, PlanProgram } from "./plan.js";
import { PlanChecks } from "./plan-checks.js";
import { lastUsesOf, runOneByOne } from "./plan-execution.js";
import { disposeConstants, record } from "./plan-recording.js";

type Tensors<Names extends string = string> = Readonly<Record<Names, Tensor>>;
type Variables = Readonly<Record<string, number>>;

/** A plan that is ready to run. Holds its constants and what it carries until it is disposed of. */
export interface CompiledPlan<
  Inputs extends string = string,
  Outputs extends string = string,
  Carried extends string = string,
> extends Disposable {
  readonly plan: Plan;
  /** Whether the backend runs it as one, or the calls are made one by one. */
  readonly isCompiled: boolean;
  /** Outputs of the first run, which the recording was; the caller's, as those of any run. */
  readonly first: Readonly<Record<Outputs, Tensor>>;
  /**
   * Outputs by name, which the caller disposes of. What is carried has advanced by one run; where a run throws, it has
   * not, but for what kernels in place had already written.
   *
   * @throws SstError `invalid-argument` or `shape-mismatch` for inputs and variables that the plan does not have,
   * `contradiction` while what it carries is released, `wrong-backend` when another device is active, `device-lost`,
   * `disposed`
   */
  run(inputs: Tensors<Inputs>, variables?: Variables): Record<Outputs, Tensor>;
  /**
   * What the last run left under each carried name, to look at: the tensors stay the plan's, and are good until its next
   * run. Who clones one keeps what it holds now.
   *
   * @throws SstError `disposed`
   */
  carried(): Record<Carried, Tensor>;
  /**
   * Hands what is carried over to the caller, who disposes of it from now on. The plan has nothing to start from then, until
   * `takeOver`.
   *
   * @throws SstError `disposed`, `contradiction` when it was released already
   */
  release(): Record<Carried, Tensor>;
  /**
   * Goes on from other tensors than those that were released: these become the plan's. Where it throws they are still the
   * caller's.
   *
   * @throws SstError `disposed`, `contradiction` while the plan carries something, `invalid-argument` or `shape-mismatch`
   * for tensors that are not what it carries, `wrong-backend`
   */
  takeOver(carried: Tensors<Carried>): void;
  /** Lets go of everything, of what is carried too. */
  dispose(): void;
}

export interface CompileOptions<Carried extends string> {
  /** Names that are inputs and outputs of the function, of one shape and type: what a run leaves is what the next starts from. */
  readonly carries?: readonly Carried[];
}

/** How the active backend compiles, if it does; set by `ready()`. */
let compiler: ((plan: Plan) => PlanProgram | undefined) | undefined;

export function setCompiler(compile: typeof compiler): void {
  compiler = compile;
}

/**
 * Runs `f` on the given inputs and records it. That is the plan's first run: its outputs are there under `first`, and inputs
 * that it consumed are used up, as in every run. Carried inputs become the plan's: they are disposed of when this
 * returns, and what `f` left in their place is with the plan. Where it throws they are still the caller's.
 *
 * @throws SstError `contradiction` for a plan that uses up a constant, or gives one variable two values,
 * `invalid-argument` or `shape-mismatch` for a carried name that is not an input and an output of one shape and type
 */
export function compile<Inputs extends string, Outputs extends string, const Carried extends Inputs & Outputs = never>(
  f: (inputs: Tensors<Inputs>) => Tensors<Outputs>,
  inputs: Tensors<Inputs>,
  { carries = [] }: CompileOptions<Carried> = {},
): CompiledPlan<Exclude<Inputs, Carried>, Exclude<Outputs, Carried>, Carried> {
  const names: readonly string[] = carries;
  // What is carried may be used up: where somebody else holds it too, the plan starts from a copy.
  const { safe, copies } = withoutAliases(inputs, names);
  try {
    const { plan, outputs } = record(f, safe, names);
    const compiled = new RecordedPlan(
      plan,
      outputs,
      names.map((name) => safe[name] as Tensor),
    );
    for (const name of names) (inputs as Tensors)[name]?.dispose();
    return compiled as unknown as CompiledPlan<Exclude<Inputs, Carried>, Exclude<Outputs, Carried>, Carried>;
  } finally {
    for (const copy of copies) copy.dispose();
  }
}

class RecordedPlan implements CompiledPlan {
  readonly first: Tensors;
  readonly #device = activeDevice();
  readonly #checks: PlanChecks;
  readonly #outputNames: readonly string[];
  readonly #carriedNames: readonly string[];
  readonly #program: PlanProgram | undefined;
  readonly #lastUses: readonly (readonly number[])[];
  /** Empty while it is released. */
  #carried: Record<string, Tensor> = {};
  #isReleased = false;
  /** Whether somebody may hold a tensor on the memory of a carried one. */
  #isLookedAt = false;
  #isDisposed = false;

  /**
   * @param outputs of the recording; those that are carried become the plan's
   * @param before what was carried into it, and will be let go of
   */
  constructor(
    readonly plan: Plan,
    outputs: Record<string, Tensor>,
    before: readonly Tensor[],
  ) {
    this.#checks = new PlanChecks(plan);
    this.#outputNames = Object.keys(plan.outputs);
    this.#carriedNames = Object.keys(plan.carries);
    this.#lastUses = lastUsesOf(plan);
    this.first = this.#sort(outputs);
    try {
      this.#program = compiler?.(plan);
      this.#unshare(before);
      this.#program?.bind(this.#carried);
    } catch (error) {
      for (const output of Object.values(this.first)) output.dispose();
      this.dispose();
      throw error;
    }
  }

  get isCompiled(): boolean {
    return this.#program !== undefined;
  }

  run(given: Tensors, variables: Variables = {}): Record<string, Tensor> {
    this.#requireCarried();
    this.#requireActive();
    this.#checks.requireInputs(given);
    const values = this.#checks.variables(variables);
    if (this.plan.consumes.length === 0) return this.#runOn(given, values);
    const { safe, copies } = withoutAliases(given, this.plan.consumes);
    try {
      return this.#runOn(safe, values);
    } finally {
      for (const copy of copies) copy.dispose();
    }
  }

  carried(): Record<string, Tensor> {
    this.#requireCarried();
    this.#isLookedAt = true;
    return { ...this.#carried };
  }

  release(): Record<string, Tensor> {
    const carried = this.carried();
    this.#carried = {};
    this.#isReleased = true;
    return carried;
  }

  takeOver(carried: Tensors): void {
    this.#requireThere();
    this.#requireActive();
    if (!this.#isReleased)
      throw new SstError("contradiction", "the plan carries something already: release that first");
    this.#checks.requireCarried(carried);
    for (const name of this.#carriedNames) this.#carried[name] = keep(carried[name] as Tensor);
    this.#isReleased = false;
    this.#isLookedAt = false;
    this.#unshare();
    this.#program?.bind(this.#carried);
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#program?.dispose();
    disposeConstants(this.plan);
    for (const name of this.#carriedNames) this.#carried[name]?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #runOn(given: Tensors, variables: Variables): Record<string, Tensor> {
    const program = this.#program;
    if (program === undefined) {
      // A kernel in place may write over what the last run gave out.
      this.#unshare();
      return this.#sort(runOneByOne(this.plan, this.#lastUses, given, this.#carried, variables));
    }
    if (this.#isLookedAt && this.#unshare()) program.bind(this.#carried);
    const infos = program.run(given, variables);
    const outputs: Record<string, Tensor> = {};
    for (const name of this.#outputNames) outputs[name] = engine().makeTensorFromTensorInfo(infos[name] as TensorInfo);
    return outputs;
  }

  /** Keeps what is carried, in place of what was; gives the others. */
  #sort(all: Record<string, Tensor>): Record<string, Tensor> {
    for (const name of this.#carriedNames) this.#carry(name, all[name] as Tensor);
    return Object.fromEntries(this.#outputNames.map((name) => [name, all[name] as Tensor]));
  }

  #carry(name: string, tensor: Tensor): void {
    this.#carried[name]?.dispose();
    this.#carried[name] = keep(tensor);
  }

  /** Leaves the memory of carried tensors to those who hold it too. Whether there were any. */
  #unshare(ours: readonly Tensor[] = []): boolean {
    let isMoved = false;
    for (const name of this.#carriedNames) {
      const tensor = this.#carried[name] as Tensor;
      if (!isShared(tensor, ours)) continue;
      this.#carry(name, copyOf(tensor));
      isMoved = true;
    }
    return isMoved;
  }

  #requireThere(): void {
    if (this.#isDisposed) throw new SstError("disposed", "the plan was disposed of");
  }

  #requireCarried(): void {
    this.#requireThere();
    if (!this.#isReleased) return;
    throw new SstError("contradiction", "what the plan carries was released: let it take over other tensors first");
  }

  /** A plan's constants are in the memory of the device that it was recorded on. */
  #requireActive(): void {
    this.#device.requireLive();
    const active = activeDevice();
    if (this.#device === active) return;
    throw new SstError(
      "wrong-backend",
      `the plan runs on "${this.#device.backend}", but "${active.backend}" is active`,
    );
  }
}
