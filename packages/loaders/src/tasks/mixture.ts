/** Several tasks on one vocabulary, for a backbone that has seen them all. */
import { SstError } from "@sst/tensor";
import { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";
import { startName, type Task } from "./task.js";

export interface Mixture {
  readonly tasks: readonly Task[];
  /** @throws SstError `invalid-argument` for a task that is not in the mixture */
  task(name: string): Task;
}

/** The union of the tasks' tokens; symbols of one name are one token, and each task begins with its own start token. */
export function createMixture(tasks: readonly Task[]): Mixture {
  const tokens = [...new Set(tasks.flatMap((task) => task.vocabulary.tokens))];
  const mixed = tasks.map((task) => task.on(new SymbolVocabulary(task.name, tokens, startName(task.name))));
  return {
    tasks: mixed,
    task: (name) => {
      const found = mixed.find((task) => task.name === name);
      if (found !== undefined) return found;
      throw new SstError(
        "invalid-argument",
        `the mixture has no task "${name}"; it has ${mixed.map((task) => task.name).join(", ")}`,
      );
    },
  };
}
