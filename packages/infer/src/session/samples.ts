/** Several texts drawn from one prompt, which is read once. */
import { requireCount } from "@sst/layers";
import type { GenerationEvent } from "./events.js";
import type { SessionGeneration } from "./generation.js";
import type { Session } from "./session.js";
import { SessionBatch } from "./session-batch.js";

export interface SampleOptions extends Omit<SessionGeneration, "decoder"> {
  readonly samples: number;
  /** For each sample one of its own: a decoder remembers a text. */
  readonly decoder?: (sample: number) => NonNullable<SessionGeneration["decoder"]>;
}

/** An event of one of the samples, counted from 0. */
export type SampleEvent = GenerationEvent & { readonly sample: number };

/**
 * Continuations of a session, which stays where it is. Sample i has the seed `seed + i`, and says what a fork of the session says with
 * it. All of them share passes, in a batch of their own unless one is given, and come one event after the other as they get them; each
 * deliberates on the prompt's last position by itself.
 *
 * @throws SstError `invalid-argument` for a number of samples that cannot be; as `Session.generate`
 */
export async function* generateSamples(
  session: Session,
  { samples, decoder, seed = 0, batch, ...options }: SampleOptions,
): AsyncGenerator<SampleEvent, void, void> {
  requireCount("samples", samples);
  const forks: Session[] = [];
  let own: SessionBatch | undefined;
  try {
    for (let sample = 0; sample < samples; sample++) forks.push(session.fork());
    if (batch === undefined) own = new SessionBatch(session.model, { streamOff: session.isStreamOff });
    const texts = forks.map((fork, sample) =>
      fork.generate({
        ...options,
        seed: seed + sample,
        batch: batch ?? own,
        ...(decoder && { decoder: decoder(sample) }),
      }),
    );
    yield* asTheyCome(texts);
  } finally {
    for (const fork of forks) fork.dispose();
    own?.dispose();
  }
}

type Text = AsyncGenerator<GenerationEvent, void, void>;

/** Events of all texts; of each no more than one ahead of who reads them. */
async function* asTheyCome(texts: readonly Text[]): AsyncGenerator<SampleEvent, void, void> {
  const next = async (sample: number) => ({ sample, ...(await (texts[sample] as Text).next()) });
  const coming = new Map(texts.map((_, sample) => [sample, next(sample)]));
  try {
    while (coming.size > 0) {
      const { sample, done, value } = await Promise.race(coming.values());
      if (done) {
        coming.delete(sample);
        continue;
      }
      yield { ...value, sample };
      coming.set(sample, next(sample));
    }
  } finally {
    // Each ends behind what is on its way, whose errors nobody asks for any more; who ends makes way for those who wait.
    await Promise.allSettled([...coming.values(), ...texts.map((text) => text.return())]);
  }
}
