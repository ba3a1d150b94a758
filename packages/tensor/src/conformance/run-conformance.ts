/**
 * The suite that a backend proves itself with. Every kernel: values against its float64 oracle, gradients against finite
 * differences of the oracle, on picked shapes, on random ones (shrunk to the smallest that fails) and on extreme values;
 * the same bits for the same input; aliases; NaN and infinity; nothing left behind. Then all of them in flight at once,
 * and recorded plans.
 */
import { engine } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { kernels } from "../kernel.js";
import { Random } from "../random.js";
import { memory, type ReadyDevice, ready } from "../registry.js";
import { checkCarriedPlan } from "./check-carried-plan.js";
import { checkAliases, checkCase, checkExtreme, checkNonFinite, type KernelFindings } from "./check-kernel.js";
import { checkPlan } from "./check-plan.js";
import { checkUpload } from "./check-upload.js";
import { outputError, requireThat } from "./compare.js";
import { download, upload } from "./device-run.js";
import type { KernelSuite, Sizes } from "./kernel-suite.js";
import { type ConformanceReport, type ConformanceRow, rowsOf, tableOf } from "./report.js";
import { kernelSuites } from "./suites/index.js";

export interface ConformanceOptions {
  /** The registered backend's name. */
  readonly backend: string;
  /** Of the test runner: vitest's, node:test's, Mocha's. */
  readonly describe: (name: string, body: () => void) => void;
  readonly test: (name: string, body: () => Promise<void>) => void;
  /** Random shapes for each kernel; defaults to 15. */
  readonly randomCases?: number;
  /** Seeds shapes and values; defaults to 0. */
  readonly seed?: number;
  /** Gets what was found, at the end; by default it is printed as a table. */
  readonly onReport?: (report: ConformanceReport) => void;
}

/** Registers the whole suite with a test runner. */
export function runConformance(options: ConformanceOptions): void {
  const { backend, describe, test, randomCases = 15, seed = 0 } = options;
  const { onReport = (report) => console.log(tableOf(report)) } = options;
  describe(`conformance of ${backend}`, () => {
    const rows: ConformanceRow[] = [];
    for (const suite of kernelSuites) {
      test(suite.kernel.definition.name, async () => {
        const device = await ready({ backend });
        await requireNothingLeft(backend, async () => {
          rows.push(...(await checkKernel(suite, device, randomCases, seed)));
        });
      });
    }
    test("many kernels in flight", async () => {
      await requireNothingLeft(backend, () => checkInFlight(seed));
    });
    test("a recorded plan", async () => {
      await requireNothingLeft(backend, () => checkPlan(new Random(`conformance/plan/${seed}`)));
    });
    test("a plan that carries tensors from run to run", async () => {
      await requireNothingLeft(backend, () => checkCarriedPlan(new Random(`conformance/carried plan/${seed}`)));
    });
    test("a tensor that is uploaded in pieces", async () => {
      await ready({ backend });
      await requireNothingLeft(backend, () => checkUpload(new Random(`conformance/upload/${seed}`)));
    });
    test("every kernel was checked", async () => {
      const known = new Set(kernelSuites.flatMap(({ kernel, gradientKernel }) => [kernel, gradientKernel]));
      const unknown = kernels()
        .filter((kernel) => !known.has(kernel))
        .map((kernel) => kernel.definition.name);
      requireThat(unknown.length === 0, () => `no oracle for ${unknown.join(", ")}`);
      const { live } = await ready({ backend });
      onReport({ backend, device: live.capabilities.description, rows });
    });
  });
}

async function checkKernel(
  suite: KernelSuite,
  device: ReadyDevice,
  randomCases: number,
  seed: number,
): Promise<ConformanceRow[]> {
  const { definition } = suite.kernel;
  const random = new Random(`conformance/${definition.name}/${seed}`);
  const findings: KernelFindings = { cases: 0, worstError: 0, gradientCases: 0, worstGradientError: 0 };
  for (const sizes of suite.picked) {
    await about(JSON.stringify(sizes), () => checkCase(suite, suite.build(sizes, random), random, findings));
  }
  for (const [title, each] of Object.entries(suite.extremes?.(random) ?? {})) {
    await about(title, () => checkExtreme(suite, each, findings));
  }
  const property = fc.asyncProperty(sizesOf(suite), fc.nat(), async (sizes, values) => {
    const own = new Random(`conformance/${definition.name}/${values}`);
    await checkCase(suite, suite.build(sizes, own), own, findings);
  });
  await fc.assert(property, { numRuns: randomCases, seed });
  const ordinary = () => suite.build(middleOf(suite), random);
  await about("aliases", () => checkAliases(suite, ordinary()));
  await about("non-finite numbers", () => checkNonFinite(suite, ordinary(), random));
  return rowsOf(suite, findings, device.live.ownKernels);
}

function sizesOf({ ranges }: KernelSuite): fc.Arbitrary<Sizes> {
  const entries = Object.entries(ranges).map(([name, [min, max]]) => [name, fc.integer({ min, max })]);
  return fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<number>>);
}

function middleOf({ ranges }: KernelSuite): Sizes {
  return Object.fromEntries(
    Object.entries(ranges).map(([name, [least, most]]) => [name, Math.ceil(least + (most - least) / 2)]),
  );
}

/** Every kernel several times, all under way before the first result is read. */
async function checkInFlight(seed: number): Promise<void> {
  const random = new Random(`conformance/in flight/${seed}`);
  const flights = Array.from({ length: 4 }, () => kernelSuites)
    .flat()
    .map((suite) => {
      const { inputs, attributes } = suite.build(middleOf(suite), random);
      const tensors = upload(suite.kernel, inputs);
      const outputs = suite.kernel(tensors, attributes);
      for (const each of Object.values(tensors)) each.dispose();
      return { suite, outputs, expected: suite.oracle(inputs, attributes) };
    });
  const landed = await Promise.all(flights.map(({ outputs }) => download(outputs)));
  for (const [index, { suite, expected }] of flights.entries()) {
    const { name, tolerance } = suite.kernel.definition;
    const error = outputError(suite, landed[index] as (typeof landed)[number], expected);
    requireThat(error <= tolerance, () => `${name}, one of many: off by ${error}, tolerance ${tolerance}`);
  }
}

/** Tensors, bytes on the device, and the engine's own count of data. */
async function requireNothingLeft(backend: string, body: () => Promise<void>): Promise<void> {
  const count = async () => {
    const { bytesInUse } = (await ready({ backend })).live;
    return JSON.stringify({ ...memory(), bytesOnDevice: bytesInUse, dataOnDevice: engine().backend.numDataIds() });
  };
  const before = await count();
  await body();
  const after = await count();
  requireThat(after === before, () => `something is left behind: ${after}, before ${before}`);
}

/** Says with what a check failed. */
async function about(title: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    throw new Error(`${title}: ${(error as Error).message}`, { cause: error });
  }
}
