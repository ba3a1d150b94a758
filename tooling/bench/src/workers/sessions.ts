/** Our sessions: `node sessions.js FOLDER`, the model in the folder; so many texts, one after the other or sharing passes. */
import "@sst/backend-cpu";
import { Session, SessionBatch } from "@sst/infer";
import { loadModel } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { serve } from "../engine/serve.js";
import { prompt } from "../models/prompt.js";

const [folder = ""] = process.argv.slice(2);

await serve(async () => {
  await ready({ backend: "cpu" });
  const model = await loadModel(folder);

  /** Reads a prompt of its own length, and waits for the last token. */
  const textOf = async (
    index: number,
    count: number,
    batch: SessionBatch | undefined,
  ): Promise<() => Promise<number[]>> => {
    const session = new Session(model, { context: 256 });
    await session.append([...prompt, ...prompt].slice(0, prompt.length + index));
    return async () => {
      const tokens: number[] = [];
      for await (const event of session.generate({ maxNewTokens: count, stopTokens: [], batch })) {
        if (event.event === "token-delta") tokens.push(event.token);
      }
      session.dispose();
      return tokens;
    };
  };

  return async ({ sessions, count, together }: { sessions: number; count: number; together: boolean }) => {
    using batch = together ? new SessionBatch(model) : undefined;
    const texts = await Promise.all(Array.from({ length: sessions }, (_, index) => textOf(index, count, batch)));
    const started = performance.now();
    const tokens: number[][] = [];
    if (together) tokens.push(...(await Promise.all(texts.map((text) => text()))));
    else for (const text of texts) tokens.push(await text());
    return { seconds: (performance.now() - started) / 1000 / count / sessions, tokens };
  };
});
