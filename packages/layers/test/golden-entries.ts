/** How golden files name their runs, as options of a forward pass. */
import type { ForwardOptions, Propagation } from "@sst/layers";

/** `stream_off`, `sequential`, `sequential_iterations_N`, `model_wise_P_K` (two-pass) or `layer_wise_P_K`. */
export function goldenOptions(entry: string): ForwardOptions & { readonly iterations?: number } {
  if (entry === "stream_off") return { streamOff: true };
  if (entry === "sequential") return {};
  const iterations = /^sequential_iterations_(\d+)$/.exec(entry)?.[1];
  if (iterations !== undefined) return { iterations: Number(iterations) };
  const [, kind, propagation, sweeps] = /^(model|layer)_wise_(shift|scan)_(\d+)$/.exec(entry) ?? [];
  if (kind === undefined) throw new Error(`unknown golden entry ${entry}`);
  const solver = kind === "model" ? "two-pass" : "layerwise";
  return { solver, propagation: propagation as Propagation, sweeps: Number(sweeps) };
}

/** The numbers of nested lists, as deep as the tensor has dimensions. */
export function flatNumbers(values: unknown): number[] {
  return (values as unknown[]).flat(Number.POSITIVE_INFINITY as 3) as number[];
}
