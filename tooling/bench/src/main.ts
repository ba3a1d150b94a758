/** `npm run bench`: measures, keeps what was found as JSON, and writes `docs/benchmarks.md` from the latest of everything. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArguments, UsageError } from "./arguments.js";
import { describeMachine } from "./machine.js";
import type { Measurement } from "./measurement.js";
import { measurements } from "./measurements/index.js";
import { writePage } from "./page/write-page.js";
import { installPeers, type Peers } from "./peers.js";
import { loadResults, saveResult } from "./results.js";
import { median } from "./statistics.js";

const root = resolve(import.meta.dirname, "../../..");
const resultFolder = join(root, "reports", "bench");
const names = measurements.map(({ name }) => name);

try {
  const { measurements: chosen, rounds } = parseArguments(process.argv.slice(2), names);
  progress("installing the peers");
  const peers = await installPeers();
  for (const measurement of measurements.filter(({ name }) => chosen.includes(name))) {
    await run(measurement, peers, rounds);
  }
  console.log(writePage(join(root, "docs"), loadResults(resultFolder, names)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function run(measurement: Measurement, peers: Peers, rounds: number): Promise<void> {
  const { name, title } = measurement;
  const folder = mkdtempSync(join(tmpdir(), "sst-bench-"));
  const machine = describeMachine();
  try {
    const shares: number[] = [];
    const onProgress = (text: string) => progress(`${name}: ${text}`);
    const findings = await measurement.measure({
      ...{ peers, folder, rounds, onProgress },
      onProcessorShare: (share) => shares.push(share),
    });
    const versions = { ...peers.versions, ...findings.versions };
    const date = new Date().toISOString();
    const processorShare = shares.length === 0 ? null : median(shares);
    saveResult(resultFolder, { measurement: name, title, date, machine, processorShare, ...findings, versions });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function progress(text: string): void {
  console.error(text);
}
