/** What a run tells of itself as it goes: one object a line in its log, and what the live page draws. */
import { isStreamParameter } from "@sst/layers";
import type { AlphaSummary } from "./observation.js";
import type { SolverReview } from "./solver-control.js";

export type TrainingEvent =
  | StartEvent
  | SolverEvent
  | StepEvent
  | ObservationEvent
  | EvaluationEvent
  | CheckpointEvent
  | EndEvent;

export interface StartEvent {
  readonly event: "start";
  /** Steps that were done before, by the run that this one goes on from. */
  readonly step: number;
  readonly steps: number;
  readonly trainedParameters: number;
}

/** `solver: "auto"` has looked at the residuals: what it saw, what it chose and why. */
export interface SolverEvent extends SolverReview {
  readonly event: "solver";
  /** The first step that runs with it, counted from 1. */
  readonly step: number;
}

export interface StepEvent {
  readonly event: "step";
  /** Counted from 1. */
  readonly step: number;
  readonly loss: number;
  /** Of the whole gradient, before clipping. */
  readonly gradientNorm: number;
  /** By part of the model: `embedding`, `layer 0` and so on, `adapters`, `stream`, `head`, `norm`. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  /** Held by tensors on the device. */
  readonly memoryBytes: number;
  readonly durationMs: number;
  /** At the pace of the last steps. */
  readonly remainingMs: number;
}

export interface ObservationEvent {
  readonly event: "observation";
  readonly step: number;
  /** `‖s_t - g_t(s_{t-1})‖ / ‖s_t‖` by layer. */
  readonly residual: readonly number[];
  /** By layer. */
  readonly alpha: readonly AlphaSummary[];
}

export interface EvaluationEvent {
  readonly event: "evaluation";
  readonly step: number;
  readonly loss: number;
  /** Whether it is the lowest so far. */
  readonly isBest: boolean;
}

export interface CheckpointEvent {
  readonly event: "checkpoint";
  readonly step: number;
}

/** Why a run ended that did not fail. */
export type EndReason = "finished" | "stopped-early" | "interrupted";

export interface EndEvent {
  readonly event: "end";
  readonly step: number;
  readonly reason: EndReason;
}

/** Norms by parameter as norms by part of the model. */
export function normsByPart(norms: Readonly<Record<string, number>>): Record<string, number> {
  const squares: Record<string, number> = {};
  for (const [name, norm] of Object.entries(norms)) squares[partOf(name)] = (squares[partOf(name)] ?? 0) + norm ** 2;
  return Object.fromEntries(Object.entries(squares).map(([part, square]) => [part, Math.sqrt(square)]));
}

function partOf(name: string): string {
  if (isStreamParameter(name)) return "stream";
  if (name.includes(".lora_")) return "adapters";
  if (name.includes("embed_tokens")) return "embedding";
  if (name.startsWith("lm_head")) return "head";
  const layer = /\.layers\.(\d+)\./.exec(name)?.[1];
  return layer === undefined ? "norm" : `layer ${layer}`;
}
