/** One seed on a real backbone and GSM8K. */
import { join } from "node:path";
import { gsm8kBenchmark, meanLoss, textSubject } from "@sst/eval";
import { DecoderModel, paperAlpha, pretrainedTheta } from "@sst/layers";
import {
  gsm8kTokens,
  loadTokenizer,
  readGsm8k,
  readModelData,
  requireMatchingTokenizer,
  saveModels,
} from "@sst/loaders";
import {
  type Batch,
  coTrain,
  DocumentBatches,
  documentBatches,
  documentsWhenAsked,
  loraOfRank,
  shortWarmup,
} from "@sst/train";
import type { RealSettings } from "./jobs.js";
import { LossCurve } from "./loss-curve.js";
import { alphasOf, measureProbe, measureSet } from "./measure.js";
import type { SeedResult } from "./results.js";
import type { RunContext } from "./run-context.js";

/** Problems whose answers the loss is taken over. */
const LOSS_PROBLEMS = 200;

export async function runReal(
  settings: RealSettings,
  seed: number,
  { folder, onProgress }: RunContext,
): Promise<SeedResult> {
  const { steps, learningRate, rank, batchSize, length } = settings;
  const backbone = await readModelData(settings.model);
  const tokenizer = requireMatchingTokenizer(await loadTokenizer(settings.model), backbone.config, settings.model);
  const data = await readGsm8k(settings.data);
  const rows = { rows: batchSize, length, packed: true };
  const documents = new DocumentBatches(
    documentsWhenAsked(data.train, (problem) => gsm8kTokens(problem, tokenizer)),
    { ...rows, seed },
  );
  const curves = { stream: new LossCurve(), baseline: new LossCurve() };
  const models = await coTrain(backbone, {
    seed,
    stateStream: paperAlpha,
    theta: pretrainedTheta,
    lora: loraOfRank(rank),
    trainer: { steps, learningRate, warmupSteps: shortWarmup(steps) },
    batches: oncePerStep(() => documents.next()),
    onStep: (variant, report) => {
      curves[variant].add(report);
      if (variant === "stream") onProgress({ phase: "co-training", step: report.step, steps, loss: report.loss });
    },
  });
  using stream = models.stream;
  using baseline = models.baseline;
  using plain = DecoderModel.fromData(backbone);
  const modelFolder = join(folder, "models", `seed-${seed}`);
  await saveModels(
    modelFolder,
    Object.entries({ stream, baseline }).map(([name, model]) => ({ name, model, tokenizer })),
    { overwrite: true },
  );
  onProgress({ phase: "evaluation" });
  const held = documentBatches(
    data.test.slice(0, LOSS_PROBLEMS).map((problem) => gsm8kTokens(problem, tokenizer)),
    rows,
  );
  const loss = async (model: DecoderModel) => (await meanLoss(model, held)).loss;
  const losses = { backbone: await loss(plain), baseline: await loss(baseline), stream: await loss(stream) };
  const subjects = {
    stream: textSubject(stream, tokenizer),
    baseline: textSubject(baseline, tokenizer),
    backbone: textSubject(plain, tokenizer),
  };
  const asked = { ...data, test: data.test.slice(0, settings.questions) };
  const benchmark = gsm8kBenchmark(asked, { maxNewTokens: settings.maxNewTokens });
  const set = { title: "GSM8K test problems", role: "trained", file: "gsm8k", benchmark } as const;
  const measured = await measureSet(set, subjects, join(folder, "verdicts", `seed-${seed}`));
  const probe = await measureProbe(subjects.stream, benchmark, measured.stream, join(modelFolder, "stream"), seed);
  return {
    seed,
    seconds: { stream: curves.stream.seconds, baseline: curves.baseline.seconds },
    sets: [measured.set],
    losses,
    curves: { stream: curves.stream.points, baseline: curves.baseline.points },
    alphas: await alphasOf(stream),
    probe: "missing" in probe ? probe : probe.assessment,
  };
}

/** The stream and the baseline each ask for a step's batches: they get the same. */
function oncePerStep(next: () => readonly Batch[]): (step: number) => readonly Batch[] {
  let last: { readonly step: number; readonly batches: readonly Batch[] } | undefined;
  return (step) => {
    if (last?.step !== step) last = { step, batches: next() };
    return last.batches;
  };
}
