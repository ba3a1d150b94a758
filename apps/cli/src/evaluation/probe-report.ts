/** What a probe is worth, beside its controls. */
import type { Discrimination, ProbeAssessment } from "@sst/eval";
import Table from "cli-table3";

export function probeTable(name: string, assessment: ProbeAssessment): string {
  const { samples, surviving, probe, surface, maximumProbability } = assessment;
  const table = new Table({ head: ["", "AUC", "95 % interval"], style: { head: [], border: [] } });
  const add = (title: string, { area, interval }: Discrimination) =>
    table.push([title, area.toFixed(3), `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`]);
  add("latent states", probe);
  add("control: surface of the prompt", surface);
  add("control: maximum probability", maximumProbability);
  const { expectedError, brierScore } = probe.calibration;
  return [
    `${name}: of ${samples} answers that are right at depth 1, ${(100 * surviving).toFixed(1)} % survive the other depths`,
    table.toString(),
    `calibration of the probe: expected error ${expectedError.toFixed(3)}, Brier score ${brierScore.toFixed(3)}`,
  ].join("\n");
}
