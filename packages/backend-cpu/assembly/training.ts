/** Both ends of a model, and what only training needs: the embedding and its gradient, cross entropy, the optimiser's update. */
import { addScaled, exp1, exp4, largestOf, sumLanes } from "./math";
import { Part } from "./parts";
import { ELEMENTS, grainOf, parallel } from "./threads";

@unmanaged
export class EmbeddingLookup {
  table: usize;
  tokens: usize;
  y: usize;
  count: usize;
  size: usize;
}

@unmanaged
export class EmbeddingGradient {
  dy: usize;
  tokens: usize;
  dTable: usize;
  count: usize;
  vocabulary: usize;
  size: usize;
}

@unmanaged
export class CrossEntropy {
  logits: usize;
  labels: usize;
  loss: usize;
  count: usize;
  vocabulary: usize;
}

@unmanaged
export class CrossEntropyGradient {
  dLoss: usize;
  logits: usize;
  labels: usize;
  dLogits: usize;
  count: usize;
  vocabulary: usize;
}

@unmanaged
export class AdamwUpdate {
  parameter: usize;
  gradient: usize;
  m: usize;
  v: usize;
  scale: usize;
  size: usize;
  learningRate: f32;
  beta1: f32;
  beta2: f32;
  epsilon: f32;
  weightDecay: f32;
  /** 1 - beta^step. */
  correction1: f32;
  correction2: f32;
}

/** Rows of a table by token. */
export function embeddingLookup(a: EmbeddingLookup): void {
  const bytes = a.size * 4;
  for (let i: usize = 0; i < a.count; i++) {
    memory.copy(a.y + i * bytes, a.table + <usize>load<i32>(a.tokens + i * 4) * bytes, bytes);
  }
}

/** Rows of dy added up by token. */
export function embeddingGradient(a: EmbeddingGradient): void {
  const bytes = a.size * 4;
  memory.fill(a.dTable, 0, a.vocabulary * bytes);
  for (let i: usize = 0; i < a.count; i++) {
    addScaled(a.dTable + <usize>load<i32>(a.tokens + i * 4) * bytes, a.dy + i * bytes, 1, a.size);
  }
}

/** loss = logsumexp(logits) - logits[label], 0 where the label is negative. */
export function softmaxCrossEntropy(a: CrossEntropy): void {
  parallel(Part.crossEntropyRows, changetype<usize>(a), a.count, grainOf(a.vocabulary));
}

export function softmaxCrossEntropyPart(a: CrossEntropy, from: usize, to: usize): void {
  const whole = a.vocabulary & ~3;
  for (let row = from; row < to; row++) {
    const logits = a.logits + row * a.vocabulary * 4;
    const label = load<i32>(a.labels + row * 4);
    if (label < 0) {
      store<f32>(a.loss + row * 4, 0);
      continue;
    }
    const largest = largestOf(logits, a.vocabulary);
    const largests = f32x4.splat(largest);
    // A vocabulary is long: its small probabilities are added up in double precision.
    let sum: f64 = 0;
    for (let i: usize = 0; i < whole; i += 4) {
      sum += <f64>sumLanes(exp4(f32x4.sub(v128.load(logits + i * 4), largests)));
    }
    for (let i = whole; i < a.vocabulary; i++) sum += <f64>exp1(load<f32>(logits + i * 4) - largest);
    const chosen = load<f32>(logits + <usize>label * 4);
    store<f32>(a.loss + row * 4, <f32>Math.log(sum) + (largest - chosen));
  }
}

/** dLogits = (softmax(logits) - onehot(label)) · dLoss, 0 where the label is negative. */
export function softmaxCrossEntropyGradient(a: CrossEntropyGradient): void {
  parallel(Part.crossEntropyRowsBack, changetype<usize>(a), a.count, grainOf(a.vocabulary));
}

export function softmaxCrossEntropyGradientPart(a: CrossEntropyGradient, from: usize, to: usize): void {
  const bytes = a.vocabulary * 4;
  const whole = bytes & ~15;
  for (let row = from; row < to; row++) {
    const logits = a.logits + row * bytes;
    const target = a.dLogits + row * bytes;
    const label = load<i32>(a.labels + row * 4);
    if (label < 0) {
      memory.fill(target, 0, bytes);
      continue;
    }
    const largest = largestOf(logits, a.vocabulary);
    const largests = f32x4.splat(largest);
    let sum: f64 = 0;
    for (let i: usize = 0; i < whole; i += 16) {
      const values = exp4(f32x4.sub(v128.load(logits + i), largests));
      v128.store(target + i, values);
      sum += <f64>sumLanes(values);
    }
    for (let i = whole; i < bytes; i += 4) {
      const value = exp1(load<f32>(logits + i) - largest);
      store<f32>(target + i, value);
      sum += <f64>value;
    }
    const upstream = load<f32>(a.dLoss + row * 4);
    const factor = <f32>(<f64>upstream / sum);
    const factors = f32x4.splat(factor);
    for (let i: usize = 0; i < whole; i += 16) v128.store(target + i, f32x4.mul(v128.load(target + i), factors));
    for (let i = whole; i < bytes; i += 4) store<f32>(target + i, load<f32>(target + i) * factor);
    const own = target + <usize>label * 4;
    store<f32>(own, load<f32>(own) - upstream);
  }
}

/** One AdamW step in place, none where the scale is not finite. */
export function adamwUpdate(a: AdamwUpdate): void {
  if (!isFinite<f32>(load<f32>(a.scale))) return;
  parallel(Part.adamwElements, changetype<usize>(a), a.size, ELEMENTS);
}

export function adamwUpdatePart(a: AdamwUpdate, from: usize, to: usize): void {
  const scale = load<f32>(a.scale);
  const decay = <f32>1 - a.learningRate * a.weightDecay;
  const rest1 = <f32>1 - a.beta1;
  const rest2 = <f32>1 - a.beta2;
  const whole = from + ((to - from) & ~3);
  for (let i = from; i < whole; i += 4) {
    const at = i * 4;
    const g = f32x4.mul(v128.load(a.gradient + at), f32x4.splat(scale));
    const first = f32x4.add(f32x4.mul(v128.load(a.m + at), f32x4.splat(a.beta1)), f32x4.mul(g, f32x4.splat(rest1)));
    const squared = f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2));
    const second = f32x4.add(f32x4.mul(v128.load(a.v + at), f32x4.splat(a.beta2)), squared);
    v128.store(a.m + at, first);
    v128.store(a.v + at, second);
    const root = f32x4.add(f32x4.sqrt(f32x4.div(second, f32x4.splat(a.correction2))), f32x4.splat(a.epsilon));
    const direction = f32x4.div(f32x4.div(first, f32x4.splat(a.correction1)), root);
    const kept = f32x4.mul(v128.load(a.parameter + at), f32x4.splat(decay));
    v128.store(a.parameter + at, f32x4.sub(kept, f32x4.mul(direction, f32x4.splat(a.learningRate))));
  }
  for (let i = whole; i < to; i++) {
    const at = i * 4;
    const g = load<f32>(a.gradient + at) * scale;
    const first = load<f32>(a.m + at) * a.beta1 + g * rest1;
    const second = load<f32>(a.v + at) * a.beta2 + g * g * rest2;
    store<f32>(a.m + at, first);
    store<f32>(a.v + at, second);
    const direction = first / a.correction1 / (sqrt<f32>(second / a.correction2) + a.epsilon);
    store<f32>(a.parameter + at, load<f32>(a.parameter + at) * decay - direction * a.learningRate);
  }
}
