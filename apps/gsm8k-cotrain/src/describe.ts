/** The experiment in words, for the report. */
import { basename } from "node:path";
import { paperAlpha } from "@sst/layers";
import { drawWordProblems, gsm8kAnswer, readGsm8k, readModelData, WordProblems } from "@sst/loaders";
import type { GeneratedSettings, RealSettings } from "./jobs.js";
import type { Results } from "./results.js";

type Experiment = Results["experiment"];

export function describeGenerated(settings: GeneratedSettings): Experiment {
  const { stories, hiddenSize, numHiddenLayers, askedAfter, pretraining, coTraining, batchSize } = settings;
  const problems = new WordProblems(stories);
  const [problem] = drawWordProblems(problems, {
    ...{ seed: 0, split: "test", index: 0, batchSize: 1, sentences: coTraining.sentences },
  });
  return {
    kind: "generated",
    backbone:
      `a plain transformer of width ${hiddenSize} with ${numHiddenLayers} layers, pretrained here for ${pretraining.steps} steps on ` +
      `problems of up to ${pretraining.sentences} sentences, half of them with the number written after every sentence`,
    data: `generated word problems (${stories.join(", ")}) of up to ${coTraining.sentences} sentences, the answer asked for after every ${askedAfter === "words" ? "word" : "sentence"} and never told`,
    training: `LoRA of rank ${coTraining.rank} on every linear layer, ${coTraining.steps} steps of ${batchSize} problems, exact solver`,
    alpha: coTraining.stateStream,
    chance: problems.chance,
    example: { text: problem?.words.join(" ") ?? "", answer: problem?.answers.at(-1)?.answer ?? "" },
  };
}

export async function describeReal(settings: RealSettings): Promise<Experiment> {
  const { config } = await readModelData(settings.model);
  const { train, test } = await readGsm8k(settings.data);
  const { rank, steps, batchSize, length } = settings;
  const first = test[0];
  return {
    kind: "real",
    backbone: `${basename(settings.model)}: ${config.modelType}, width ${config.hiddenSize}, ${config.numHiddenLayers} layers`,
    data: `GSM8K, ${train.length} training problems; the loss is taken over the answers alone`,
    training: `LoRA of rank ${rank} on every linear layer, ${steps} steps of ${batchSize} rows of ${length} tokens, packed; exact solver`,
    alpha: paperAlpha,
    example: { text: first?.question ?? "", answer: (first && gsm8kAnswer(first)) ?? "" },
  };
}
