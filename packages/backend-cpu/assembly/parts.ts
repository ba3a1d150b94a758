/** The parts of kernels that threads share, by number, each over a range of items. */
import { AffineScan, AffineScanGradient, affineScanGradientPart, affineScanPart } from "./affine-scan";
import { Attention, AttentionGradient } from "./attention/attention";
import { attendByBlock, attendByBlockBack } from "./attention/by-block";
import { attendByQuery, attendByQueryBack } from "./attention/by-query";
import { attendTail, attendTailBack, TailAttention, TailAttentionGradient } from "./attention/tail";
import { Binary, binaryElements, binaryRows, copyRows, StridedCopy, Sum, sumColumnsPart, sumRowsPart, Unary, unaryElements } from "./elementwise";
import { GatedActivation, GatedActivationGradient, gatedActivationGradientPart, gatedActivationPart } from "./gated-activation";
import { MatMul, multiplyColumns, multiplyFewRows, packLeftPanels } from "./matrix/mat-mul";
import { QuantizedProduct, quantizedLines } from "./quantized/few-rows";
import { RoundActivations, roundRows } from "./quantized/rounding";
import { Unpack, unpackRows } from "./quantized/unpack";
import { packGradientWeights, RecurrenceGradient, stepSequencesBack } from "./recurrence/backward";
import { fewBranches, fewGates, packRecurrenceWeights, Recurrence, stepSequences } from "./recurrence/forward";
import { RmsNorm, rmsNormPart } from "./rms-norm";
import { RotaryEmbedding, rotaryEmbeddingPart } from "./rotary-embedding";
import { StateBlend, stateBlendPart } from "./state-blend";
import { AdamwUpdate, adamwUpdatePart, CrossEntropy, CrossEntropyGradient, softmaxCrossEntropyGradientPart, softmaxCrossEntropyPart } from "./training";

export enum Part {
  activateGates,
  adamwElements,
  attendByBlock,
  attendByBlockBack,
  attendByQuery,
  attendByQueryBack,
  attendTail,
  attendTailBack,
  binaryElements,
  binaryRows,
  blendRows,
  copyRows,
  crossEntropyRows,
  crossEntropyRowsBack,
  fewBranches,
  fewGates,
  gateGradients,
  multiplyColumns,
  multiplyFewRows,
  normRows,
  packGradientWeights,
  packLeftPanels,
  packRecurrenceWeights,
  quantizedLines,
  roundRows,
  scanSequences,
  scanSequencesBack,
  stepSequences,
  stepSequencesBack,
  sumColumns,
  sumRows,
  turnRows,
  unaryElements,
  unpackRows,
}

export function runPart(part: Part, args: usize, from: usize, to: usize): void {
  switch (part) {
    case Part.activateGates:
      return gatedActivationPart(changetype<GatedActivation>(args), from, to);
    case Part.adamwElements:
      return adamwUpdatePart(changetype<AdamwUpdate>(args), from, to);
    case Part.attendByBlock:
      return attendByBlock(changetype<Attention>(args), from, to);
    case Part.attendByBlockBack:
      return attendByBlockBack(changetype<AttentionGradient>(args), from, to);
    case Part.attendByQuery:
      return attendByQuery(changetype<Attention>(args), from, to);
    case Part.attendByQueryBack:
      return attendByQueryBack(changetype<AttentionGradient>(args), from, to);
    case Part.attendTail:
      return attendTail(changetype<TailAttention>(args), from, to);
    case Part.attendTailBack:
      return attendTailBack(changetype<TailAttentionGradient>(args), from, to);
    case Part.binaryElements:
      return binaryElements(changetype<Binary>(args), from, to);
    case Part.binaryRows:
      return binaryRows(changetype<Binary>(args), from, to);
    case Part.blendRows:
      return stateBlendPart(changetype<StateBlend>(args), from, to);
    case Part.copyRows:
      return copyRows(changetype<StridedCopy>(args), from, to);
    case Part.crossEntropyRows:
      return softmaxCrossEntropyPart(changetype<CrossEntropy>(args), from, to);
    case Part.crossEntropyRowsBack:
      return softmaxCrossEntropyGradientPart(changetype<CrossEntropyGradient>(args), from, to);
    case Part.fewBranches:
      return fewBranches(changetype<Recurrence>(args), from, to);
    case Part.fewGates:
      return fewGates(changetype<Recurrence>(args), from, to);
    case Part.gateGradients:
      return gatedActivationGradientPart(changetype<GatedActivationGradient>(args), from, to);
    case Part.multiplyColumns:
      return multiplyColumns(changetype<MatMul>(args), from, to);
    case Part.multiplyFewRows:
      return multiplyFewRows(changetype<MatMul>(args), from, to);
    case Part.normRows:
      return rmsNormPart(changetype<RmsNorm>(args), from, to);
    case Part.packGradientWeights:
      return packGradientWeights(changetype<RecurrenceGradient>(args), from, to);
    case Part.packLeftPanels:
      return packLeftPanels(changetype<MatMul>(args), from, to);
    case Part.packRecurrenceWeights:
      return packRecurrenceWeights(changetype<Recurrence>(args), from, to);
    case Part.quantizedLines:
      return quantizedLines(changetype<QuantizedProduct>(args), from, to);
    case Part.roundRows:
      return roundRows(changetype<RoundActivations>(args), from, to);
    case Part.scanSequences:
      return affineScanPart(changetype<AffineScan>(args), from, to);
    case Part.scanSequencesBack:
      return affineScanGradientPart(changetype<AffineScanGradient>(args), from, to);
    case Part.stepSequences:
      return stepSequences(changetype<Recurrence>(args), from, to);
    case Part.stepSequencesBack:
      return stepSequencesBack(changetype<RecurrenceGradient>(args), from, to);
    case Part.sumColumns:
      return sumColumnsPart(changetype<Sum>(args), from, to);
    case Part.sumRows:
      return sumRowsPart(changetype<Sum>(args), from, to);
    case Part.turnRows:
      return rotaryEmbeddingPart(changetype<RotaryEmbedding>(args), from, to);
    case Part.unaryElements:
      return unaryElements(changetype<Unary>(args), from, to);
    case Part.unpackRows:
      return unpackRows(changetype<Unpack>(args), from, to);
  }
}
