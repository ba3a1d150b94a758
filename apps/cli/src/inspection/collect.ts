/** Runs a traced generation, and keeps what the report needs of it. */
import { type TraceOptions, type TraceRecord, type TraceWriter, traceGeneration } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import type { Traced } from "./analysis.js";

/** @param beginWriter once there is a record: the writer takes all of them with their states */
export async function collectTrace(
  model: DecoderModel,
  prompt: readonly number[],
  options: TraceOptions,
  beginWriter: (() => Promise<TraceWriter>) | undefined,
): Promise<Traced> {
  const { numHiddenLayers, hiddenSize } = model.config;
  const records: TraceRecord[] = [];
  const states: Float32Array[][] = Array.from({ length: numHiddenLayers }, () => []);
  let writer: TraceWriter | undefined;
  try {
    for await (const record of traceGeneration(model, prompt, { ...options, withStates: true })) {
      writer ??= await beginWriter?.();
      await writer?.write(record);
      const { states: all, ...figures } = record;
      const last = (all as Float32Array).subarray(-numHiddenLayers * hiddenSize);
      for (const [layer, ofLayer] of states.entries()) {
        ofLayer.push(last.slice(layer * hiddenSize, (layer + 1) * hiddenSize));
      }
      records.push(figures);
    }
    await writer?.close();
  } catch (error) {
    await writer?.abort(error);
    throw error;
  }
  return { records, states };
}
