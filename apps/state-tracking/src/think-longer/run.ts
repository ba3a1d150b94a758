/** Trains one model on k-hop, asks it at every depth, and saves it. */
import { join } from "node:path";
import {
  accuracyByDepth,
  evaluateHalting,
  learnedHalting,
  readDepths,
  type SequenceReadings,
  unionOverDepths,
  untilAny,
  untilConfident,
  untilSettled,
} from "@sst/eval";
import { DecoderModel, initializeModel } from "@sst/layers";
import { type HopBatch, type HopTask, hopBatch, saveModel } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { type StepReport, Trainer } from "@sst/train";
import { LossCurve } from "../loss-curve.js";
import { batchSize, evaluatedSequences } from "../sizes.js";
import { configOf, type ThinkJob, taskOf, thinkSteps, totalFlops } from "./job.js";
import {
  asksOnlyLast,
  deepest,
  depthAt,
  hopsBeyond,
  type ThinkRecipe,
  type ThinkVariant,
  tablesAt,
} from "./recipes.js";
import type { ThinkResult } from "./result.js";

export async function runThinkJob(
  { recipe, seed, variant }: ThinkJob,
  { outputFolder, onStep }: { readonly outputFolder: string; readonly onStep: (report: StepReport) => void },
): Promise<ThinkResult> {
  const task = taskOf(recipe);
  const curve = new LossCurve(onStep);
  using model = await trainThinker(recipe, task, seed, variant, curve);
  const folder = `models/${task.name}-seed${seed}-${variant}`;
  await saveModel(join(outputFolder, folder), model, { vocabulary: task.vocabulary, overwrite: true });
  const steps = thinkSteps({ recipe, variant, seed });
  return {
    ...{ part: "think-longer", task: task.name, form: recipe.form, nodes: recipe.nodes, hops: recipe.hops },
    ...{ variant, seed, steps, seconds: curve.seconds, flops: totalFlops({ recipe, variant, seed }) },
    ...(await evaluate(model, recipe, task, seed, variant)),
    lossCurve: curve.points,
    model: folder,
  };
}

/** All variants see the same batches, from the same first weights. */
export async function trainThinker(
  recipe: ThinkRecipe,
  task: HopTask,
  seed: number,
  variant: ThinkVariant,
  curve: LossCurve,
): Promise<DecoderModel> {
  const { learningRate } = recipe;
  const config = configOf({ recipe, variant });
  const model = DecoderModel.fromData(initializeModel(config, new Random(`weights/${seed}`)));
  using trainer = new Trainer(model, {
    steps: thinkSteps({ recipe, variant, seed }),
    learningRate,
    forward: { lastPositionOnly: asksOnlyLast(recipe) },
    deliberation:
      variant === "plain"
        ? { iterations: 1, loss: "last" }
        : {
            iterations: (step) => depthAt(recipe, seed, step).iterations,
            positions: [-1],
            loss: recipe.asks ?? "staged",
          },
  });
  const drawn = { seed, split: "train", batchSize, from: 1, asksBack: recipe.form === "tokens" } as const;
  // A model without iterations is asked for everything from the start.
  const to = (step: number) => (variant === "plain" ? recipe.hops : depthAt(recipe, seed, step).hops);
  await trainer.run(
    (step) => [hopBatch(task, { ...drawn, ...tablesAt(recipe, seed, step), to: to(step), index: step })],
    (report) => curve.add(report),
  );
  return model;
}

async function evaluate(
  model: DecoderModel,
  recipe: ThinkRecipe,
  task: HopTask,
  seed: number,
  variant: ThinkVariant,
): Promise<Pick<ThinkResult, "accuracyByDepth" | "union" | "beyond" | "halting">> {
  const depth = variant === "plain" ? 1 : deepest(recipe);
  const trained = { from: 1, to: recipe.hops };
  const beyond = hopsBeyond(recipe);
  const read = (split: "validation" | "test", hops: { from: number; to: number }) =>
    readDepths(model, batches(task, seed, split, hops), depth);
  const readings = await read("test", trained);
  const upTo = (sequences: readonly SequenceReadings[]) => sequences.map((each) => each.slice(0, recipe.hops));
  return {
    accuracyByDepth: accuracyByDepth(readings),
    union: unionOverDepths(upTo(readings)),
    beyond: { ...beyond, accuracyByDepth: accuracyByDepth(await read("test", beyond)) },
    ...(variant !== "plain" && { halting: haltingOf(upTo(readings), upTo(await read("validation", trained))) }),
  };
}

function haltingOf(readings: readonly SequenceReadings[], fit: readonly SequenceReadings[]) {
  const maximum = readings[0]?.length ?? 1;
  const settled = untilSettled(0.05);
  const learned = learnedHalting(fit, 0.95);
  const rules = {
    "as soon as the answer has a probability of 0.9": untilConfident(0.9),
    "as soon as an iteration changes the answer by less than 0.05 nats": settled,
    "as soon as a linear probe of the logits says with a probability of 0.95 that the answer will stay": learned,
    "as soon as one of the last two says so": untilAny(settled, learned),
  };
  return Object.entries(rules).map(([rule, halts]) => ({ rule, ...evaluateHalting(readings, halts, maximum) }));
}

function batches(
  task: HopTask,
  seed: number,
  split: "validation" | "test",
  { from, to }: { readonly from: number; readonly to: number },
): HopBatch[] {
  const size = 250;
  return Array.from({ length: evaluatedSequences / size }, (_, index) =>
    hopBatch(task, { seed, split, index, batchSize: size, from, to }),
  );
}
