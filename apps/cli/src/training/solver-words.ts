/** What `--solver auto` has chosen, in words: for the terminal and for the live page. */
import type { SolverEvent } from "@sst/train";

export function describeSolver({ solver, sweeps }: Pick<SolverEvent, "solver" | "sweeps">): string {
  return sweeps === undefined ? solver : `${solver}, ${sweeps} sweeps`;
}
