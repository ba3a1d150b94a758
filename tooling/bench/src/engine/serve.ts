/**
 * The measuring side of a child process, ours and the peers' alike: says what it is when it is warm, then answers one line
 * of JSON with one line of JSON until its input ends. Only one child works at a time; the others wait for a line.
 */
import { createInterface } from "node:readline";

export type Reply = Readonly<Record<string, unknown>>;

/** Does one piece of work and says how long it took. */
export type Handler = (request: never) => Promise<Reply>;

/** @param prepare makes everything that is not measured; what it throws is told as the reason why this engine does not run */
export async function serve(prepare: () => Promise<Handler>): Promise<void> {
  const say = (reply: Reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);
  // Standard output carries the answers: what engines have to say goes beside it.
  console.log = console.error;
  console.info = console.error;
  try {
    const handle = await prepare();
    say({ ready: true });
    for await (const line of createInterface({ input: process.stdin })) {
      const share = processorShare();
      const reply = await handle(JSON.parse(line) as never).catch((error: Error): Reply => ({ failed: error.message }));
      say({ ...reply, processorShare: share() });
    }
    process.exit(0);
  } catch (error) {
    say({ failed: (error as Error).message });
    process.exit(1);
  }
}

/** How much of the time since then this process ran: below 1 where others wanted the processor, above with threads. */
function processorShare(): () => number {
  const [started, before] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / (performance.now() - started);
  };
}

/** Seconds that one run takes, as the mean over as many runs as fit `milliseconds`, at least one. */
export async function secondsPerRun(run: () => unknown, milliseconds: number): Promise<number> {
  const started = performance.now();
  let runs = 0;
  let elapsed = 0;
  do {
    await run();
    runs++;
    elapsed = performance.now() - started;
  } while (elapsed < milliseconds);
  return elapsed / runs / 1000;
}
