/** Runs steps that lie in memory one after the other: one for a single operation, a hundred for a decoded token. */
import { Operation } from "../src/operation";
import { AffineScan, AffineScanGradient, affineScan, affineScanGradient } from "./affine-scan";
import { Attention, AttentionGradient, causalAttention, causalAttentionGradient } from "./attention/attention";
import { TailAttention, TailAttentionGradient, tailAttention, tailAttentionGradient } from "./attention/tail";
import { CacheWrite, cacheWrite } from "./cache-write";
import { argMax, Binary, binary, Fill, fill, StridedCopy, Sum, stridedCopy, sumColumns, sumRows, Unary, unary } from "./elementwise";
import { GatedActivation, GatedActivationGradient, gatedActivation, gatedActivationGradient } from "./gated-activation";
import { MatMul, matMul } from "./matrix/mat-mul";
import { QuantizedProduct, quantizedProduct } from "./quantized/few-rows";
import { RoundActivations, roundActivations } from "./quantized/rounding";
import { Unpack, unpackWeights } from "./quantized/unpack";
import { RecurrenceGradient, stateRecurrenceGradient } from "./recurrence/backward";
import { Recurrence, stateRecurrence } from "./recurrence/forward";
import { RmsNorm, RmsNormGradient, rmsNorm, rmsNormGradient } from "./rms-norm";
import { RotaryEmbedding, rotaryEmbedding } from "./rotary-embedding";
import { StateBlend, StateBlendGradient, stateBlend, stateBlendGradient } from "./state-blend";
import {
  AdamwUpdate,
  adamwUpdate,
  CrossEntropy,
  CrossEntropyGradient,
  EmbeddingGradient,
  EmbeddingLookup,
  embeddingGradient,
  embeddingLookup,
  softmaxCrossEntropy,
  softmaxCrossEntropyGradient,
} from "./training";

/** Runs the steps from address `first` up to `end`. */
export function run(first: usize, end: usize): void {
  let step = first;
  while (step < end) {
    runStep(load<i32>(step), step + 8);
    step += load<usize>(step, 4) * 4;
  }
}

function runStep(operation: i32, args: usize): void {
  switch (operation) {
    case Operation.adamwUpdate:
      return adamwUpdate(changetype<AdamwUpdate>(args));
    case Operation.affineScan:
      return affineScan(changetype<AffineScan>(args));
    case Operation.affineScanGradient:
      return affineScanGradient(changetype<AffineScanGradient>(args));
    case Operation.argMax:
      return argMax(changetype<Sum>(args));
    case Operation.binary:
      return binary(changetype<Binary>(args));
    case Operation.cacheWrite:
      return cacheWrite(changetype<CacheWrite>(args));
    case Operation.causalAttention:
      return causalAttention(changetype<Attention>(args));
    case Operation.causalAttentionGradient:
      return causalAttentionGradient(changetype<AttentionGradient>(args));
    case Operation.embeddingGradient:
      return embeddingGradient(changetype<EmbeddingGradient>(args));
    case Operation.embeddingLookup:
      return embeddingLookup(changetype<EmbeddingLookup>(args));
    case Operation.fill:
      return fill(changetype<Fill>(args));
    case Operation.gatedActivation:
      return gatedActivation(changetype<GatedActivation>(args));
    case Operation.gatedActivationGradient:
      return gatedActivationGradient(changetype<GatedActivationGradient>(args));
    case Operation.matMul:
      return matMul(changetype<MatMul>(args));
    case Operation.quantizedProduct:
      return quantizedProduct(changetype<QuantizedProduct>(args));
    case Operation.rmsNorm:
      return rmsNorm(changetype<RmsNorm>(args));
    case Operation.rmsNormGradient:
      return rmsNormGradient(changetype<RmsNormGradient>(args));
    case Operation.rotaryEmbedding:
      return rotaryEmbedding(changetype<RotaryEmbedding>(args));
    case Operation.roundActivations:
      return roundActivations(changetype<RoundActivations>(args));
    case Operation.softmaxCrossEntropy:
      return softmaxCrossEntropy(changetype<CrossEntropy>(args));
    case Operation.softmaxCrossEntropyGradient:
      return softmaxCrossEntropyGradient(changetype<CrossEntropyGradient>(args));
    case Operation.stateBlend:
      return stateBlend(changetype<StateBlend>(args));
    case Operation.stateBlendGradient:
      return stateBlendGradient(changetype<StateBlendGradient>(args));
    case Operation.stateRecurrence:
      return stateRecurrence(changetype<Recurrence>(args));
    case Operation.stateRecurrenceGradient:
      return stateRecurrenceGradient(changetype<RecurrenceGradient>(args));
    case Operation.stridedCopy:
      return stridedCopy(changetype<StridedCopy>(args));
    case Operation.sumColumns:
      return sumColumns(changetype<Sum>(args));
    case Operation.sumRows:
      return sumRows(changetype<Sum>(args));
    case Operation.tailAttention:
      return tailAttention(changetype<TailAttention>(args));
    case Operation.tailAttentionGradient:
      return tailAttentionGradient(changetype<TailAttentionGradient>(args));
    case Operation.unary:
      return unary(changetype<Unary>(args));
    case Operation.unpackWeights:
      return unpackWeights(changetype<Unpack>(args));
    default:
      unreachable();
  }
}
