/** `npm run bench`: prints what was measured, and on what. */
import { cpus } from "node:os";
import "@sst/backend-cpu";
import { ready } from "@sst/tensor";
import { measureSolvers } from "./solvers.js";

const device = await ready({ backend: "cpu" });
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}, ${device.live.capabilities.description}`,
);
console.log(
  "One training step, width 64, 2 layers: median time, and ratio to the plain transformer's step (paired, 15 rounds)",
);
for (const [batch, time] of [
  [32, 16],
  [32, 64],
] as const) {
  for (const { solver, stepMs, ratio } of await measureSolvers(batch, time, 15)) {
    console.log(
      `batch ${batch}, T ${time}  ${solver.padEnd(14)} ${stepMs.toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)}×`,
    );
  }
}
