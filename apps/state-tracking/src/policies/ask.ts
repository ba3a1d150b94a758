/** Asking a model through a session, as a program would, what it answers under a policy and at what cost. */
import { custom, type DeliberationPolicy, Session, type SessionMark } from "@sst/infer";
import type { DecoderModel, Probe } from "@sst/layers";
import { fitProbe, type ProbeRow } from "@sst/train";
import type { Probes } from "./settings.js";
import type { Question } from "./studies.js";

export interface Answered {
  /** As the question says. */
  readonly needed: number;
  readonly isRight: boolean;
  readonly iterations: number;
  readonly flops: number;
  readonly durationMs: number;
}

/** Every question by every policy: `[policy][question]`. */
export async function ask(
  model: DecoderModel,
  questions: readonly Question[],
  policies: readonly DeliberationPolicy[],
): Promise<Answered[][]> {
  const places: { readonly session: Session; readonly mark: SessionMark; readonly question: Question }[] = [];
  const answered: Answered[][] = [];
  try {
    for (const question of questions) {
      const session = await sessionAt(model, question.prompt);
      places.push({ session, mark: session.mark(), question });
    }
    // Policy by policy, so that each finds the plan that it has recorded.
    for (const policy of policies) {
      const answers: Answered[] = [];
      for (const { session, mark, question } of places) {
        const { token, figures } = await answerOf(session, policy);
        const { iterations, flops, durationMs } = figures;
        answers.push({ needed: question.needed, isRight: token === question.answer, iterations, flops, durationMs });
        await session.rewind(mark);
      }
      answered.push(answers);
    }
    return answered;
  } finally {
    for (const { session, mark } of places) {
      mark[Symbol.dispose]();
      session.dispose();
    }
  }
}

async function sessionAt(model: DecoderModel, prompt: readonly number[]): Promise<Session> {
  const session = new Session(model, { context: 64 });
  await session.append(prompt);
  return session;
}

async function answerOf(session: Session, deliberation: DeliberationPolicy) {
  let token = -1;
  for await (const event of session.generate({ maxNewTokens: 1, stopTokens: [], deliberation })) {
    if (event.event === "token-delta") token = event.token;
    if (event.event === "generation-end") return { token, figures: event.figures };
  }
  throw new Error("a generation should end");
}

/** Fewer of a class than this, and a probe is not fitted. */
const FEWEST = 20;

/** Probes of the states after the first iteration, by what comes of going on to the maximum. */
export async function fitProbes(model: DecoderModel, questions: readonly Question[], maximum: number): Promise<Probes> {
  const [survival, gain]: [ProbeRow[], ProbeRow[]] = [[], []];
  for (const { prompt, answer } of questions) {
    const { states, answers } = await everyIteration(model, prompt, maximum);
    const isRight = answers.map((given) => given === answer);
    if (isRight[0]) survival.push({ features: states, label: isRight.every(Boolean) });
    gain.push({ features: states, label: isRight[0] === false && isRight.at(-1) === true });
  }
  const probeOf = (rows: readonly ProbeRow[]): Probe | undefined => {
    const positive = rows.filter(({ label }) => label).length;
    return Math.min(positive, rows.length - positive) < FEWEST ? undefined : fitProbe(rows);
  };
  const [ofSurvival, ofGain] = [probeOf(survival), probeOf(gain)];
  return { ...(ofSurvival && { survival: ofSurvival }), ...(ofGain && { gain: ofGain }) };
}

/** The states after the first iteration, all layers one after the other, and the answer after each. */
async function everyIteration(model: DecoderModel, prompt: readonly number[], maximum: number) {
  using session = await sessionAt(model, prompt);
  const answers: number[] = [];
  let states: number[] = [];
  const watching = custom(
    (view) => {
      if (view.iteration === 1) states = (view.states ?? []).flatMap((state) => [...state]);
      const logits = view.logits as Float32Array;
      answers.push(logits.indexOf(Math.max(...logits)));
      return false;
    },
    { maximum },
  );
  const { token } = await answerOf(session, watching);
  return { states, answers: [...answers, token] };
}
