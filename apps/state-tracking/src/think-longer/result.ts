/** What a run of "think longer" leaves behind in `results.json`. */
import type { ThinkVariant } from "./recipes.js";

export interface ThinkResult {
  readonly part: "think-longer";
  readonly task: string;
  readonly form: "packed" | "tokens";
  readonly nodes: number;
  /** Most hops and iterations in training. */
  readonly hops: number;
  readonly variant: ThinkVariant;
  readonly seed: number;
  readonly steps: number;
  readonly seconds: number;
  /** Of the whole training, floating-point operations. */
  readonly flops: number;
  /** Hop counts as trained, evenly mixed: accuracy by number of iterations from 1 on, beyond the trained depth too. */
  readonly accuracyByDepth: readonly number[];
  /** Right after any number of iterations up to the trained depth: the model does not know which. */
  readonly union: number;
  /** The same by depth for more hops than were ever asked for in training. */
  readonly beyond: { readonly from: number; readonly to: number; readonly accuracyByDepth: readonly number[] };
  /** What halting rules reach with at most the trained depth; models that iterate only. */
  readonly halting?: readonly { readonly rule: string; readonly accuracy: number; readonly meanIterations: number }[];
  readonly lossCurve: readonly { readonly step: number; readonly loss: number }[];
  /** Folder of the saved model, relative to results.json. */
  readonly model: string;
}
