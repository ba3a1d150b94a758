/** The attention branch: rotary embedding, attention and its gradient, the cache of keys and values. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Frame, real } from "../frame.js";
import { Operation } from "../operation.js";
import { addresses, type CoreCall, type CoreKernel, numberOf, run, shapeOf } from "./arguments.js";

export const attentionKernels: Readonly<Record<string, CoreKernel>> = {
  rotaryEmbedding: (frame, call) => {
    const sign = call.attributes.direction === "forth" ? 1 : -1;
    const positions = shapeOf(call, "cos")[0] as number;
    const ahead = addressOrNone(frame, call, "ahead");
    const places = [numberOf(call, "offset"), numberOf(call, "iterations"), real(sign), positions, ahead];
    return run(frame, call, Operation.rotaryEmbedding, ["x", "cos", "sin"], [...shapeOf(call, "x"), ...places]);
  },
  causalAttention: (frame, call) => attention(frame, call, numberOf(call, "pastLength"), WHOLE),
  causalAttentionGradient: (frame, call) => attentionGradient(frame, call, WHOLE),
  documentAttention: (frame, call) => attention(frame, call, 0, startsOf(frame, call)),
  documentAttentionGradient: (frame, call) => attentionGradient(frame, call, startsOf(frame, call)),
  tailAttention: (frame, call) => {
    const sizes = tailSizes(call);
    frame.reserveAreas((sizes[2] as number) * 4);
    const numbers = [...sizes, numberOf(call, "window"), real(numberOf(call, "scale"))];
    return run(frame, call, Operation.tailAttention, ["q", "k", "v"], numbers);
  },
  tailAttentionGradient: (frame, call) => {
    const sizes = tailSizes(call);
    frame.reserveAreas((sizes[2] as number) * 8);
    const numbers = [...sizes, numberOf(call, "window"), real(numberOf(call, "scale"))];
    return run(frame, call, Operation.tailAttentionGradient, ["dy", "q", "k", "v"], numbers);
  },
  cacheWrite: (frame, call) => {
    const { cache, rows } = call.inputs as { cache: TensorInfo; rows: TensorInfo };
    const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
    const sizes = [batch, capacity, rows.shape[1] as number, heads * headDim];
    const places = [numberOf(call, "offset"), addressOrNone(frame, call, "ahead")];
    frame.step(Operation.cacheWrite, [frame.address(cache), frame.address(rows), ...sizes, ...places]);
    return [frame.takeOver(cache)];
  },
};

/** In place of an address of documents' starts: every row is one. */
const WHOLE = 0;

/** Of an input that may have been left out. */
function addressOrNone(frame: Frame, call: CoreCall, name: string): number {
  const [address] = addresses(frame, call, [name]);
  return address as number;
}

function startsOf(frame: Frame, call: CoreCall): number {
  return frame.address(call.inputs.starts as TensorInfo);
}

function attention(frame: Frame, call: CoreCall, pastLength: number, starts: number): TensorInfo[] {
  const sizes = attentionSizes(call);
  const capacity = call.inputs.pastK === undefined ? 0 : (shapeOf(call, "pastK")[1] as number);
  const [iterations, window] = [numberOf(call, "iterations"), numberOf(call, "window")];
  const [, time, heads, , headDim] = sizes as [number, number, number, number, number];
  // Without a cache there is nothing that rows could differ in.
  const isUneven = capacity > 0 && call.inputs.ahead !== undefined;
  const ahead = isUneven ? addressOrNone(frame, call, "ahead") : 0;
  const { attentionAreaBytes } = frame.core.exports;
  frame.reserveAreas(attentionAreaBytes(capacity, time, heads, headDim, iterations, window, isUneven ? 1 : 0));
  const numbers = [...sizes, capacity, pastLength, iterations, window, real(numberOf(call, "scale")), starts, ahead];
  return run(frame, call, Operation.causalAttention, ["q", "k", "v", "pastK", "pastV"], numbers);
}

function attentionGradient(frame: Frame, call: CoreCall, starts: number): TensorInfo[] {
  const sizes = attentionSizes(call);
  const iterations = numberOf(call, "iterations");
  frame.reserveAreas(frame.core.exports.attentionGradientAreaBytes(sizes[1] as number, sizes[4] as number, iterations));
  const numbers = [...sizes, iterations, numberOf(call, "window"), real(numberOf(call, "scale")), starts];
  return run(frame, call, Operation.causalAttentionGradient, ["dy", "q", "k", "v"], numbers);
}

/** batch, time, heads, keyValueHeads, headDim. */
function attentionSizes(call: CoreCall): number[] {
  const [batch, time, heads, headDim] = shapeOf(call, "q") as [number, number, number, number];
  return [batch, time, heads, shapeOf(call, "k")[2] as number, headDim];
}

/** batch, queries, time, heads, keyValueHeads, headDim. */
function tailSizes(call: CoreCall): number[] {
  const [batch, queries, heads, headDim] = shapeOf(call, "q") as [number, number, number, number];
  const [, time, keyValueHeads] = shapeOf(call, "k") as [number, number, number, number];
  return [batch, queries, time, heads, keyValueHeads, headDim];
}
