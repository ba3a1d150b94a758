/** How far states are from solving the recurrence. */
import { mean, sqrt, square, sub, type Tensor, tidy } from "@sst/tensor";
import { type LayerStream, statesBefore, sweep } from "./layer-stream.js";

/** `‖s_t - g_t(s_{t-1})‖ / ‖s_t‖` over all columns of one layer: 0 for the exact solution. Ours. */
export function recurrenceResidual(a: Tensor, states: Tensor, stream: LayerStream): number {
  const [difference, size] = tidy(() => {
    const next = sweep(a, statesBefore(states, stream), stream.keep, stream);
    return [sqrt(mean(square(sub(states, next)))), sqrt(mean(square(states)))] as [Tensor, Tensor];
  });
  const ratio = (difference.dataSync()[0] as number) / (size.dataSync()[0] as number);
  difference.dispose();
  size.dispose();
  return ratio;
}
