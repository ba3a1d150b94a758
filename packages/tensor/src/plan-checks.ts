/** The border of a run: what it is given is held against the plan, with nothing made on the way of what fits. */
import type { Tensor } from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { requireHome } from "./kernel-checks.js";
import type { Plan, PlanValue } from "./plan.js";
import { VariableRules } from "./plan-variables.js";
import { equalShapes } from "./shapes.js";

export class PlanChecks {
  readonly #inputs: readonly (readonly [name: string, value: PlanValue])[];
  readonly #variableNames: readonly string[];
  /** Values of all variables in the run that is made, in one object for all runs. */
  readonly #variables: Record<string, number>;
  readonly #rules: VariableRules;

  constructor(private readonly plan: Plan) {
    this.#inputs = Object.entries(plan.inputs).map(([name, index]) => [name, plan.values[index] as PlanValue]);
    this.#variableNames = Object.keys(plan.variables);
    this.#variables = { ...plan.variables };
    this.#rules = new VariableRules(plan);
  }

  /** @throws SstError `invalid-argument`, `shape-mismatch`, `disposed` or `wrong-backend`, naming the input */
  requireInputs(given: Readonly<Record<string, Tensor>>): void {
    for (const [name, value] of this.#inputs) requireFits(name, value, given[name]);
    for (const name in given) {
      if (Object.hasOwn(this.plan.inputs, name)) continue;
      const known = Object.keys(this.plan.inputs).join(", ") || "none";
      const carried = Object.hasOwn(this.plan.carries, name) ? "; it carries that one" : "";
      throw new SstError("invalid-argument", `the plan has no input "${name}" (${known}${carried})`);
    }
  }

  /** @throws SstError as `requireInputs` */
  requireCarried(given: Readonly<Record<string, Tensor>>): void {
    for (const [name, { input }] of Object.entries(this.plan.carries)) {
      requireFits(name, this.plan.values[input] as PlanValue, given[name]);
    }
  }

  /**
   * A value for every variable; valid until the next call.
   *
   * @throws SstError `invalid-argument` for one that the plan does not have, or as a kernel refuses an attribute
   */
  variables(given: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    for (const name in given) {
      if (Object.hasOwn(this.plan.variables, name)) continue;
      throw new SstError(
        "invalid-argument",
        `the plan has no variable "${name}" (${this.#variableNames.join(", ") || "none"})`,
      );
    }
    for (const name of this.#variableNames) {
      this.#variables[name] = given[name] ?? (this.plan.variables[name] as number);
    }
    this.#rules.require(this.#variables);
    return this.#variables;
  }
}

function requireFits(name: string, { shape, dtype }: PlanValue, tensor: Tensor | undefined): void {
  if (tensor === undefined) throw new SstError("invalid-argument", `the plan's input "${name}" is missing`);
  if (!equalShapes(tensor.shape, shape) || tensor.dtype !== dtype) {
    throw new SstError(
      "shape-mismatch",
      `the plan's input "${name}" should be [${shape}] of ${dtype}, but is [${tensor.shape}] of ${tensor.dtype}`,
    );
  }
  requireHome("the plan", name, tensor);
}
