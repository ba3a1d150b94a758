/** f32 matrix products of the shapes that training has, in all transpositions. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../engine/errors.js";
import { type Entrant, isNotRun, runRounds, type Samples, type SamplesByCase } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { onnxGemm } from "../models/onnx.js";
import { lastEntry, operationCount, type Product } from "../models/operands.js";
import { ownWorker } from "../own-worker.js";
import type { Findings, Row, Target } from "../results.js";
import { median, medianRatio } from "../statistics.js";
import { type CeilingKernel, ceilingKernels } from "../wasm/multiply-add.js";

const product = (rows: number, depth: number, columns: number, transposed = ""): Product => ({
  ...{ rows, depth, columns },
  transposeA: transposed.includes("A"),
  transposeB: transposed.includes("B"),
});

const products: Readonly<Record<string, Product>> = {
  "1024×128 · 128×384": product(1024, 128, 384),
  "1024×384 · 384×128": product(1024, 384, 128),
  "1024×128 · 128×512": product(1024, 128, 512),
  "Aᵀ: 128×1024 · 1024×384": product(128, 1024, 384, "A"),
  "Bᵀ: 1024×384 · 384×128": product(1024, 384, 128, "B"),
  "AᵀBᵀ: 128×1024 · 1024×384": product(128, 1024, 384, "AB"),
  "256³": product(256, 256, 256),
  "512³": product(512, 512, 512),
};

const [own, ownOnTwo, tfjs, jax, onnx] = [
  "ours",
  "ours, 2 threads",
  "TensorFlow.js wasm",
  "jax-js wasm",
  "onnxruntime",
];
const ceiling = "WebAssembly's ceiling";

export const matrixProducts: Measurement = { name: "matmul", title: "Matrix products", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const { peers, folder } = context;
  for (const [a, b] of [0, 1, 2, 3].map((bits) => [bits > 1, bits % 2 === 1] as const)) {
    writeFileSync(join(folder, `gemm-${Number(a)}${Number(b)}.onnx`), onnxGemm(a, b));
  }
  const entrants: Entrant[] = [
    { name: ceiling, command: ownWorker("ceiling"), request: () => ({ kernel: "registers" }) },
    multiplier(own, ownWorker("matrix-products", [], 1)),
    multiplier(ownOnTwo, ownWorker("matrix-products", [], 2)),
    multiplier(tfjs, peers.script("matmul-tfjs.mjs")),
    multiplier(jax, peers.script("matmul-jax.mjs")),
    multiplier(onnx, peers.script("matmul-onnxruntime.mjs", [folder])),
  ];
  const cases = Object.keys(products);
  const samples = await runRounds(entrants, cases, context);
  const kernels = await runRounds(
    [{ name: ceiling, command: ownWorker("ceiling"), request: (kernel) => ({ kernel }) }],
    ceilingKernels,
    context,
  );
  return {
    introduction:
      "GFLOP/s of f32 products on one thread, the median of the rounds. The result stays where it is computed for us, " +
      "TensorFlow.js and jax-js; onnxruntime hands it to JavaScript, which it cannot leave out. Both operands are inputs: " +
      "nobody packs one beforehand. The ceiling are independent multiplications and additions on registers, in the same " +
      "rounds; below it what inner loops on packed operands in the first-level cache reach. Every engine's result is " +
      "held against double precision first.",
    tables: [
      { title: "GFLOP/s", columns: cases, rows: entrants.map(({ name }) => speeds(name, samples[name] ?? {})) },
      { title: "Ratios, round by round", columns: cases, rows: ratioRows(samples) },
      {
        title: "Inner loops in WebAssembly, GFLOP/s",
        columns: ["GFLOP/s"],
        rows: ceilingKernels.map((kernel) => kernelRow(kernel, kernels[ceiling]?.[kernel])),
      },
    ],
  };
}

function multiplier(name: string, command: Entrant["command"]): Entrant {
  return {
    name,
    command,
    request: (each) => products[each],
    check: async (engine) => {
      for (const [each, asked] of Object.entries(products)) {
        const { last } = await engine.ask(asked);
        const right = lastEntry(asked);
        // Entries are sums of up to 1,024 products of numbers below a half.
        if (Math.abs((last as number) - right) < 1e-3) continue;
        throw new EngineError(`wrong: the last entry of ${each} is ${last} instead of ${right}`);
      }
    },
  };
}

/** Seconds of one operation; the ceiling says them itself. */
function perOperation(engine: string, name: string, samples: Samples | undefined): number[] {
  if (samples === undefined || isNotRun(samples)) return [];
  const operations = engine === ceiling ? 1 : operationCount(products[name] as Product);
  return samples.map((seconds) => seconds / operations);
}

function speeds(engine: string, samples: SamplesByCase): Row {
  const reason = Object.values(samples).find(isNotRun);
  if (reason !== undefined) return { label: engine, ...reason };
  const gigaflops = Object.entries(samples).map(([name, each]) => 1e-9 / median(perOperation(engine, name, each)));
  return { label: engine, values: gigaflops };
}

function ratioRows(samples: Readonly<Record<string, SamplesByCase>>): Row[] {
  const row = (faster: string, slower: string, label: string, target?: Target): Row => {
    const values = Object.keys(products).map((name) => {
      const [left, right] = [faster, slower].map((engine) => perOperation(engine, name, samples[engine]?.[name]));
      const ratio = medianRatio(right ?? [], left ?? []);
      return Number.isFinite(ratio) ? ratio : null;
    });
    return { label, values, ...(target && { target }) };
  };
  return [
    row(own as string, ceiling, "ours ÷ the ceiling", { atLeast: 0.8 }),
    row(ownOnTwo as string, own as string, "ours: 2 threads ÷ 1 thread", { atLeast: 1.8 }),
    row(own as string, tfjs as string, "ours ÷ TensorFlow.js"),
    row(own as string, jax as string, "ours ÷ jax-js"),
    row(own as string, onnx as string, "ours ÷ onnxruntime"),
  ];
}

function kernelRow(kernel: CeilingKernel, samples: Samples | undefined): Row {
  const label = kernel === "registers" ? "registers only" : `block of ${kernel}`;
  if (samples === undefined || isNotRun(samples)) return { label, notRun: samples?.notRun ?? "no figures" };
  return { label, values: [1e-9 / median(samples)] };
}
