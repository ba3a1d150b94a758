/** Both ends of a model, and what only training needs: the embedding and its gradient, cross entropy, the optimiser's update. */
import { addScaled, exp1, exp4, sumLanes } from "./math";

/** Rows of a table by token. */
export function embeddingLookup(table: usize, tokens: usize, y: usize, count: usize, size: usize): void {
  for (let i: usize = 0; i < count; i++) {
    memory.copy(y + i * size * 4, table + <usize>load<i32>(tokens + i * 4) * size * 4, size * 4);
  }
}

/** Rows of dy added up by token. */
export function embeddingGradient(dy: usize, tokens: usize, dTable: usize, count: usize, vocabulary: usize, size: usize): void {
  memory.fill(dTable, 0, vocabulary * size * 4);
  for (let i: usize = 0; i < count; i++) {
    addScaled(dTable + <usize>load<i32>(tokens + i * 4) * size * 4, dy + i * size * 4, 1, size);
  }
}

/** loss = logsumexp(logits) - logits[label], 0 where the label is negative. */
export function softmaxCrossEntropy(logits: usize, labels: usize, loss: usize, count: usize, vocabulary: usize): void {
  for (let row: usize = 0; row < count; row++) {
    const from = logits + row * vocabulary * 4;
    const label = load<i32>(labels + row * 4);
    if (label < 0) {
      store<f32>(loss + row * 4, 0);
      continue;
    }
    const largest = largestOf(from, vocabulary);
    // A vocabulary is long: its small probabilities are added up in double precision.
    let sum: f64 = 0;
    const whole = vocabulary & ~3;
    for (let i: usize = 0; i < whole; i += 4) {
      sum += <f64>sumLanes(exp4(f32x4.sub(v128.load(from + i * 4), f32x4.splat(largest))));
    }
    for (let i = whole; i < vocabulary; i++) sum += <f64>exp1(load<f32>(from + i * 4) - largest);
    const chosen = load<f32>(from + <usize>label * 4);
    store<f32>(loss + row * 4, <f32>Math.log(sum) + (largest - chosen));
  }
}

// @ts-ignore: decorator
@inline
function largestOf(values: usize, count: usize): f32 {
  let largest: f32 = -Infinity;
  for (let i: usize = 0; i < count; i++) largest = max(largest, load<f32>(values + i * 4));
  return largest;
}

/** dLogits = (softmax(logits) - onehot(label)) · dLoss, 0 where the label is negative. */
export function softmaxCrossEntropyGradient(
  dLoss: usize,
  logits: usize,
  labels: usize,
  dLogits: usize,
  count: usize,
  vocabulary: usize,
): void {
  for (let row: usize = 0; row < count; row++) {
    const from = logits + row * vocabulary * 4;
    const to = dLogits + row * vocabulary * 4;
    const label = load<i32>(labels + row * 4);
    if (label < 0) {
      memory.fill(to, 0, vocabulary * 4);
      continue;
    }
    const largest = largestOf(from, vocabulary);
    let sum: f64 = 0;
    for (let i: usize = 0; i < vocabulary; i++) {
      const value = exp1(load<f32>(from + i * 4) - largest);
      store<f32>(to + i * 4, value);
      sum += <f64>value;
    }
    const upstream = load<f32>(dLoss + row * 4);
    const factor = <f32>(<f64>upstream / sum);
    for (let i: usize = 0; i < vocabulary; i++) store<f32>(to + i * 4, load<f32>(to + i * 4) * factor);
    const own = to + <usize>label * 4;
    store<f32>(own, load<f32>(own) - upstream);
  }
}

/** One AdamW step in place, none where the scale is not finite; `correction1` and `correction2` are 1 - beta^step. */
export function adamwUpdate(
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  scale: usize,
  size: usize,
  learningRate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  weightDecay: f32,
  correction1: f32,
  correction2: f32,
): void {
  const gradientScale = load<f32>(scale);
  if (!isFinite<f32>(gradientScale)) return;
  const decay = <f32>1 - learningRate * weightDecay;
  for (let i: usize = 0; i < size; i++) {
    const at = i * 4;
    const g = load<f32>(gradient + at) * gradientScale;
    const first = load<f32>(m + at) * beta1 + g * (<f32>1 - beta1);
    const second = load<f32>(v + at) * beta2 + g * g * (<f32>1 - beta2);
    store<f32>(m + at, first);
    store<f32>(v + at, second);
    const direction = first / correction1 / (sqrt<f32>(second / correction2) + epsilon);
    store<f32>(parameter + at, load<f32>(parameter + at) * decay - direction * learningRate);
  }
}
