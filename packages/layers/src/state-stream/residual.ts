/** How far states are from solving the recurrence. */
import { div, keep, mean, sqrt, square, sub, type Tensor, tidy, withoutGradient } from "@sst/tensor";
import { type LayerStream, statesBefore, sweep } from "./layer-stream.js";

/** `‖s_t - g_t(s_{t-1})‖ / ‖s_t‖` over all columns of one layer: 0 for the exact solution. Ours. */
export async function recurrenceResidual(a: Tensor, states: Tensor, stream: LayerStream): Promise<number> {
  const ratioOf = () => {
    const next = sweep(a, statesBefore(states, stream), stream.keep, stream);
    return div(sqrt(mean(square(sub(states, next)))), sqrt(mean(square(states))));
  };
  const ratio = keep(withoutGradient(() => tidy(ratioOf)));
  // Read later, for a GPU does not answer at once; by then the caller's tensors may be gone, but this one is kept.
  const [value] = (await ratio.data()) as Float32Array;
  ratio.dispose();
  return value as number;
}
