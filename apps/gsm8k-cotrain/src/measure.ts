/** What is measured of a co-trained model and its baseline. */
import { join } from "node:path";
import {
  type Benchmark,
  defaultDepths,
  type Evaluation,
  type EvaluationRow,
  evaluate,
  type ProbeAssessment,
  probedDepth,
  probeSamples,
  type Subject,
  trainProbe,
} from "@sst/eval";
import type { DecoderModel, Probe } from "@sst/layers";
import { writeProbe } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type { QuestionSet, Row, Variant } from "./results.js";

export interface Measured {
  readonly title: string;
  readonly role: QuestionSet["role"];
  readonly benchmark: Benchmark;
  /** The same questions with their steps written into the prompts. */
  readonly withSteps?: Benchmark;
  /** Files of every prompt, completion and verdict get this name with the variant behind it. */
  readonly file: string;
}

export type Subjects = Readonly<Record<Variant | "backbone", Subject>>;

/** Both models and the backbone on the same questions. Also gives the evaluation of the stream, for a probe. */
export async function measureSet(
  { title, role, benchmark, withSteps, file }: Measured,
  subjects: Subjects,
  folder: string,
): Promise<{ set: QuestionSet; stream: Evaluation }> {
  const on = (name: keyof Subjects, asked: Benchmark, suffix = "") => {
    const path = join(folder, `${file}-${name}${suffix}.jsonl`);
    // The folder is this run's own: an earlier run's verdicts are gone by now.
    const results = { path, model: name };
    return evaluate(subjects[name], asked, { depths: name === "stream" ? defaultDepths : [1], results });
  };
  const stream = await on("stream", benchmark);
  const [baseline, backbone] = [await on("baseline", benchmark), await on("backbone", benchmark)];
  const steps = withSteps && (await on("backbone", withSteps, "-with-steps"));
  const set: QuestionSet = {
    title,
    role,
    questions: stream.questions,
    baseline: rowOf(only(baseline)),
    depths: stream.depths.map(rowOf),
    unionOverDepths: stream.unionOverDepths?.share ?? only(stream).accuracy,
    backbone: only(backbone).accuracy,
    ...(steps && { backboneWithSteps: only(steps).accuracy }),
  };
  return { set, stream };
}

/** A probe of the latent states at the first generated position, saved in the model's folder, and its worth. */
export async function measureProbe(
  subject: Subject,
  benchmark: Benchmark,
  evaluation: Evaluation,
  modelFolder: string,
  seed: number,
): Promise<{ probe: Probe; assessment: ProbeAssessment } | { missing: string }> {
  const samples = await probeSamples(subject, benchmark, evaluation);
  try {
    const trained = trainProbe(samples, { seed });
    await writeProbe(modelFolder, trained.probe, { ...trained.assessment }, { overwrite: true });
    return trained;
  } catch (error) {
    // Too few answers that survive, or that break: nothing to learn from.
    if (error instanceof SstError && error.code === "invalid-argument") return { missing: error.message };
    throw error;
  }
}

/** What the stream reaches on questions that the probe has not seen, where the probe chooses between the first and the last depth. */
export async function measureProbed(
  { benchmark, file }: Measured,
  subject: Subject,
  probe: Probe,
  folder: string,
): Promise<Row> {
  const policies = [probedDepth(probe, { deep: Math.max(...defaultDepths) })];
  const results = { path: join(folder, `${file}-stream-probe.jsonl`), model: "stream" };
  const { policies: rows } = await evaluate(subject, benchmark, { depths: [], policies, results });
  return rowOf(rows[0] as EvaluationRow);
}

export async function alphasOf(model: DecoderModel): Promise<number[][]> {
  const weights = model.weights();
  try {
    const given = weights.layers.flatMap(({ alpha }) => alpha ?? []);
    return await Promise.all(given.map(async (alpha) => Array.from(await alpha.data())));
  } finally {
    weights.dispose();
  }
}

function only({ depths: rows }: Evaluation): EvaluationRow {
  return rows[0] as EvaluationRow;
}

function rowOf({ name, accuracy, flops, iterations, verdicts }: EvaluationRow): Row {
  return { name, accuracy, flops, iterations, verdicts: verdicts.map(Number).join("") };
}
