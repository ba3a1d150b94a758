/** Sessions for tests, with prompts of all lengths, and what they say. */
import { fixed, Session, type SessionGeneration, untilConverged, untilDecided } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";

/** Prompts of all lengths, of one token too, and what is asked of each. */
export const requests: readonly { prompt: number[]; asked: SessionGeneration; context?: number }[] = [
  { prompt: [3], asked: { maxNewTokens: 9 } },
  { prompt: [1, 4, 1, 5, 9, 2, 6], asked: { maxNewTokens: 14, temperature: 0.9, seed: 3 }, context: 22 },
  { prompt: [2, 7, 1], asked: { maxNewTokens: 6, deliberation: fixed(3) }, context: 16 },
  { prompt: [5, 3, 5], asked: { maxNewTokens: 11, deliberation: untilConverged({ tolerance: 0.3, maximum: 4 }) } },
  {
    prompt: Array.from({ length: 20 }, (_, index) => (7 * index) % 11),
    asked: {
      maxNewTokens: 12,
      temperature: 0.7,
      topK: 5,
      deliberation: untilDecided({ changeNats: 0.01, maximum: 5 }),
    },
  },
  { prompt: [8, 8], asked: { maxNewTokens: 10, frequencyPenalty: 0.4, temperature: 1.1, seed: 9 }, context: 13 },
];

export async function sessionOf(model: DecoderModel, index: number, context?: number): Promise<Session> {
  const { prompt, context: own } = requests[index] as (typeof requests)[number];
  const slots = context ?? own;
  const session = new Session(model, slots === undefined ? {} : { context: slots });
  await session.append(prompt);
  return session;
}

export interface Said {
  readonly tokens: number[];
  readonly iterations: number[];
  readonly logProbabilities: number[];
  /** Floating-point operations. */
  flops: number;
}

export async function said(session: Session, options: SessionGeneration): Promise<Said> {
  const found: Said = { tokens: [], iterations: [], logProbabilities: [], flops: 0 };
  for await (const event of session.generate({ stopTokens: [], ...options })) {
    if (event.event === "generation-end") found.flops = event.figures.flops;
    if (event.event !== "token-delta") continue;
    found.tokens.push(event.token);
    found.iterations.push(event.iterations);
    found.logProbabilities.push(event.logProbability);
  }
  return found;
}
