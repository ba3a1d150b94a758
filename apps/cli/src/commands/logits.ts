/** `sst logits`: what a model says to given tokens, and on request the loss and its gradients. */
import { type DecoderModel, type ForwardOptions, forward, tokenTensor } from "@sst/layers";
import { loadModel } from "@sst/loaders";
import { SstError, type Tensor } from "@sst/tensor";
import { lossAndGradients, nextTokenBatch } from "@sst/train";
import { Command } from "commander";
import {
  type CommonOptions,
  forwardOptions,
  type PackingOptions,
  packingOf,
  type SolverOptions,
  wholeNumber,
  withCommonOptions,
  withPackingOptions,
  withSolverOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { modelDescription, openSource } from "../model-source.js";

interface LogitsOptions extends CommonOptions, PackingOptions, SolverOptions {
  readonly model: string;
  readonly tokens: string;
  readonly iterations?: number;
  readonly streamOff?: boolean;
  readonly lossAndGradients?: boolean;
}

export function logitsCommand(): Command {
  const command = new Command("logits")
    .description("Print a model's logits for given tokens as JSON")
    .requiredOption("--model <model>", modelDescription)
    .requiredOption("--tokens <rows>", 'token numbers, rows separated by ";": "3,1,4;1,5,9"')
    .option("--iterations <N>", "iterations at every position (default: 1)", wholeNumber(1))
    .option("--stream-off", "run the plain backbone")
    .option("--loss-and-gradients", "add the mean next-token loss and its gradient for every parameter");
  return withCommonOptions(withSolverOptions(withPackingOptions(command))).action(run);
}

async function run(options: LogitsOptions): Promise<void> {
  const rows = parseRows(options.tokens);
  if (options.lossAndGradients && (rows[0] as number[]).length < 2) {
    throw new SstError("contradiction", "a loss needs a next token: rows of one token have none");
  }
  await openBackend(options.backend);
  using model = await loadModel(await openSource(options.model), packingOf(options));
  const forwarding = forwardOptions(options);
  const result: Record<string, unknown> = await logitsOf(model, rows, forwarding);
  if (options.lossAndGradients) Object.assign(result, await lossOf(model, rows, forwarding));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function parseRows(text: string): number[][] {
  return text.split(";").map((row) =>
    row.split(",").map((entry) => {
      if (/^\s*\d+\s*$/.test(entry)) return Number(entry);
      throw new SstError(
        "invalid-argument",
        `--tokens: "${entry.trim()}" is not a token number; write rows such as "3,1,4;1,5,9"`,
      );
    }),
  );
}

/** The logits, and for a parallel solver how far each layer's states are from solving the recurrence. */
async function logitsOf(model: DecoderModel, rows: number[][], options: ForwardOptions) {
  const residuals: Promise<number>[] = [];
  const onResidual = (layer: number, residual: Promise<number>) => {
    residuals[layer] = residual;
  };
  const tokens = tokenTensor(rows, model.config);
  const weights = model.weights();
  const logits = forward(weights, tokens, { ...options, onResidual });
  const values = await logits.array();
  const residual = await Promise.all(residuals);
  for (const tensor of [tokens, logits]) tensor.dispose();
  weights.dispose();
  return { logits: values, ...(residual.length > 0 && { residual }) };
}

async function lossOf(model: DecoderModel, rows: number[][], options: ForwardOptions) {
  const { loss, gradients } = lossAndGradients(model, [nextTokenBatch(rows)], model.parameterNames, options);
  const read = async ([name, gradient]: [string, Tensor]) => {
    const values = await gradient.array();
    gradient.dispose();
    return [name, values] as const;
  };
  const byName = Object.fromEntries(await Promise.all(Object.entries(gradients).map(read)));
  const value = await loss.array();
  loss.dispose();
  return { loss: value, gradients: byName };
}
