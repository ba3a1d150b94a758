import { type KernelImplementation, mostPositions } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ProgramRunner } from "../program-runner.js";
import { causalAttentionProgram, causalAttentionWithPastProgram } from "../programs/causal-attention.wgsl.js";
import {
  causalAttentionDecodeByRowProgram,
  causalAttentionDecodeProgram,
  LARGEST_HEAD,
} from "../programs/causal-attention-decode.wgsl.js";
import {
  attentionKeyGradientProgram,
  attentionQueryGradientProgram,
  attentionStatisticsProgram,
} from "../programs/causal-attention-gradient.wgsl.js";
import { headSizeOf, windowUniform } from "../programs/parts/attention-keys.js";
import { groupsOfTiles } from "../programs/parts/attention-tiles.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const causalAttention =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { q, k, v } = inputs as Inputs<"q" | "k" | "v">;
    const { pastK, pastV, ahead } = inputs as Partial<Inputs<"pastK" | "pastV" | "ahead">>;
    const { pastLength, iterations, window, scale } = attributes as Readonly<
      Record<"pastLength" | "iterations" | "window" | "scale", number>
    >;
    const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
    const isUneven = ahead !== undefined && pastK !== undefined && pastV !== undefined;
    const isDecoding = time === iterations && headDim <= LARGEST_HEAD;
    // Chunks of rows of different lengths are composed.
    if (isUneven && !isDecoding) return undefined;
    const keyHeads = k.shape[2] as number;
    const group = heads / keyHeads;
    const y = runner.allocate(outputShapes.y as number[]);
    const uniforms = { time, heads, keyHeads, headDim, group, iterations, window: windowUniform(window), scale };
    if (isUneven) {
      const capacity = pastK.shape[1] as number;
      const most = Math.min(mostPositions(capacity, window), 0xffff_ffff);
      runner.run(causalAttentionDecodeByRowProgram(headSizeOf(headDim)), {
        buffers: { q, k, v, pastK, pastV, ahead, y },
        uniforms: { ...uniforms, pastLength, capacity, most },
        groups: sizeOf(y) / headDim,
      });
      return [y];
    }
    const past = pastLength > 0 && pastK && pastV ? { pastK, pastV } : undefined;
    const capacity = past?.pastK.shape[1] ?? 0;
    const pastUniforms = {
      pastLength: past ? pastLength : 0,
      capacity,
      ringStart: past ? pastLength - (pastLength % capacity) : 0,
    };
    if (isDecoding) {
      runner.run(causalAttentionDecodeProgram(headSizeOf(headDim)), {
        buffers: { q, k, v, ...(past ?? { pastK: k, pastV: v }), y },
        uniforms: { ...uniforms, ...pastUniforms },
        groups: sizeOf(y) / headDim,
      });
      return [y];
    }
    const groups = groupsOfTiles(batch * keyHeads, time * group);
    if (past) {
      runner.run(causalAttentionWithPastProgram(headSizeOf(headDim)), {
        buffers: { q, k, v, ...past, y },
        uniforms: { ...uniforms, ...pastUniforms },
        groups,
      });
    } else {
      runner.run(causalAttentionProgram(headSizeOf(headDim)), { buffers: { q, k, v, y }, uniforms, groups });
    }
    return [y];
  };

export const causalAttentionGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { dy, q, k, v } = inputs as Inputs<"dy" | "q" | "k" | "v">;
    const { iterations, window, scale } = attributes as Readonly<Record<"iterations" | "window" | "scale", number>>;
    const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
    const keyHeads = k.shape[2] as number;
    const group = heads / keyHeads;
    const [dq, dk, dv] = [outputShapes.dq, outputShapes.dk, outputShapes.dv].map((shape) =>
      runner.allocate(shape as number[]),
    ) as [TensorInfo, TensorInfo, TensorInfo];
    const statistics = runner.allocate([batch * time * heads, 3]);
    const uniforms = { time, heads, keyHeads, headDim, group, iterations, window: windowUniform(window), scale };
    const given = { dy, q, k, v, statistics };
    const overQueries = groupsOfTiles(batch * keyHeads, time * group);
    const overKeys = groupsOfTiles(batch * keyHeads, time);
    runner.run(attentionStatisticsProgram(headSizeOf(headDim)), { buffers: given, uniforms, groups: overQueries });
    runner.run(attentionQueryGradientProgram(headSizeOf(headDim)), {
      buffers: { ...given, dq },
      uniforms,
      groups: overQueries,
    });
    runner.run(attentionKeyGradientProgram(headSizeOf(headDim)), {
      buffers: { ...given, dk, dv },
      uniforms,
      groups: overKeys,
    });
    runner.release(statistics);
    return [dq, dk, dv];
  };
