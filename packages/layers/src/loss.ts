/** Mean cross entropy over the positions where an answer is asked for. */
import { div, softmaxCrossEntropy, sum, type Tensor, tidy } from "@sst/tensor";

/**
 * @param logits `[batch, time, vocabSize]`
 * @param labels `[batch, time]` int32, negative where no answer is asked for
 * @param count how many labels count, a number or a scalar: passed in, since a device should not be asked for it
 * @returns a scalar, in nats
 */
export function meanCrossEntropy(logits: Tensor, labels: Tensor, count: number | Tensor): Tensor {
  return tidy(() => div(sum(softmaxCrossEntropy({ logits, labels }, {}).loss), count));
}
