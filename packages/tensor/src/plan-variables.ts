/** What the calls of a plan ask of its variables: a device cannot raise an error, and a wrong position reaches past a cache. */
import { SstError } from "./errors.js";
import { type AnyKernel, type EngineAttributes, kernelByEngineName } from "./kernel.js";
import { bindSizeAttributes, checkAttribute } from "./kernel-checks.js";
import type { KernelDefinition } from "./kernel-definition.js";
import type { Plan, PlanCall, PlanValue } from "./plan.js";
import { ShapeBindings } from "./shapes.js";

type Numbers = Readonly<Record<string, number>>;

export class VariableRules {
  /** One for all calls that ask the same, as the layers of a model do. */
  readonly #rules: readonly VariableRule[];

  constructor(plan: Plan) {
    const rules = new Map<string, VariableRule>();
    for (const call of plan.calls) {
      if (Object.keys(call.variables).length === 0) continue;
      const rule = ruleOf(plan, call);
      rules.set(JSON.stringify([call.kernel, rule.sizes, rule.attributes]), rule);
    }
    this.#rules = [...rules.values()];
  }

  /** @throws SstError `invalid-argument` or `shape-mismatch`, as the kernels themselves do */
  require(values: Numbers): void {
    for (const { definition, sizes, attributes, variables } of this.#rules) {
      for (const [name, variable] of variables) {
        const value = values[variable] as number;
        checkAttribute(definition.name, name, definition.attributes[name] as never, value);
        attributes[name] = value;
      }
      const complaint = definition.requires?.(sizes, attributes as never);
      if (complaint !== undefined) throw new SstError("shape-mismatch", `${definition.name}: ${complaint}`);
    }
  }
}

interface VariableRule {
  readonly definition: KernelDefinition;
  readonly sizes: Numbers;
  /** Those that vary are set in every run. */
  readonly attributes: Record<string, unknown>;
  readonly variables: readonly (readonly [attribute: string, variable: string])[];
}

function ruleOf(plan: Plan, call: PlanCall): VariableRule {
  const { definition } = kernelByEngineName(call.kernel) as AnyKernel;
  const { attributes } = call.attributes as EngineAttributes;
  const bindings = new ShapeBindings(definition.name);
  bindSizeAttributes(bindings, definition, attributes);
  for (const [name, index] of Object.entries(call.inputs)) {
    bindings.bind(name, definition.inputs[name]?.shape ?? [], (plan.values[index] as PlanValue).shape);
  }
  return {
    definition,
    sizes: bindings.sizes(),
    attributes: { ...attributes },
    variables: Object.entries(call.variables),
  };
}
