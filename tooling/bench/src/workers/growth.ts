/** `node growth.js POINT`: one point of a growth curve, as JSON. Says how long it takes and how much memory it holds afterwards. */
import "@sst/backend-cpu";
import {
  DecoderModel,
  DecodeStep,
  forward,
  initializeModel,
  KvCache,
  LatentStateCache,
  tokenTensor,
} from "@sst/layers";
import { Random, ready, type Tensor } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";
import { secondsPerRun, serve } from "../engine/serve.js";
import { DECODED_TOKENS, type GrowthPoint, growthConfig } from "../models/growth-point.js";

const MEASURED_MS = 150;

/** Turns of the same work in small, before a process has all that it takes for its code and its garbage. */
const WARMING_TURNS = 5;

/** Positions of a context that are read at a time. */
const CHUNK = 512;

const point: GrowthPoint = JSON.parse(process.argv[2] ?? "{}");

/** Does the work once or more often, and says how many seconds one takes. */
type Turn = () => Promise<number>;

await serve(async () => {
  await ready({ backend: "cpu" });
  const small = workOn({ ...point, width: 16, layers: 1, batch: 1, time: 16, iterations: 1 });
  for (let turn = 0; turn < WARMING_TURNS; turn++) await small();
  const bytesBefore = process.memoryUsage.rss();
  const work = workOn(point);

  return async () => {
    const seconds = await work();
    // Not the peak that the system counts: on Linux that begins with the peak of the process that has started this one.
    return { seconds, bytes: process.memoryUsage.rss() - bytesBefore };
  };
});

function workOn(point: GrowthPoint): Turn {
  const model = DecoderModel.fromData(initializeModel(growthConfig(point), new Random(0)));
  switch (point.work) {
    case "training":
      return training(model, point);
    case "forward":
      return forwardPass(model, point);
    case "decoding":
      return decoding(model, point);
  }
}

function training(model: DecoderModel, point: GrowthPoint): Turn {
  const batches = [nextTokenBatch(rows(point.batch, point.time + 1))];
  const trainer = new Trainer(model, { steps: 1000, learningRate: 1e-4 });
  return () => secondsPerRun(() => trainer.step(batches), MEASURED_MS);
}

function forwardPass(model: DecoderModel, point: GrowthPoint): Turn {
  const weights = model.weights();
  const tokens = tokenTensor(rows(point.batch, point.time), model.config);
  const pass = async () => {
    const logits = forward(weights, tokens, { iterations: point.iterations });
    await logits.data();
    logits.dispose();
  };
  return () => secondsPerRun(pass, MEASURED_MS);
}

/** Reads the context and times the tokens behind it, decoded greedily by a recorded plan, as `generate` does. */
function decoding(model: DecoderModel, point: GrowthPoint): Turn {
  const weights = model.weights();
  return async () => {
    using kv = new KvCache(model.config, point.batch, point.time + 1 + DECODED_TOKENS);
    using states = new LatentStateCache(model.config, point.batch);
    for (let position = 0; position < point.time; position += CHUNK) {
      const tokens = tokenTensor(rows(point.batch, Math.min(CHUNK, point.time - position)), model.config);
      forward(weights, tokens, { caches: { kv, states }, lastPositionOnly: true }).dispose();
      tokens.dispose();
    }
    using step = new DecodeStep(weights, { kv, states }, { gives: "likeliest" });
    const decode = async (tokens?: Tensor) => {
      const chosen = step.run(tokens);
      await chosen.data();
      chosen.dispose();
    };
    const given = tokenTensor(rows(point.batch, 1), model.config);
    // Records the plan.
    await decode(given);
    given.dispose();
    const started = performance.now();
    for (let count = 0; count < DECODED_TOKENS; count++) await decode();
    return (performance.now() - started) / 1000 / DECODED_TOKENS;
  };
}

function rows(count: number, length: number): number[][] {
  const random = new Random("growth");
  return Array.from({ length: count }, () => Array.from({ length }, () => random.integer(256)));
}
