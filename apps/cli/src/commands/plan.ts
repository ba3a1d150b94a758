/** `sst plan`: what a model would need of a device's memory, from its config alone. */
import { type MemoryPlanOptions, planMemory, type TrainingMemory } from "@sst/eval";
import { type ModelConfig, type StateStreamConfig, targetsMatching } from "@sst/layers";
import { readModelConfig } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { loraOfRank } from "@sst/train";
import { Command, Option } from "commander";
import {
  alphaBounds,
  type CommonOptions,
  type QuantizeOption,
  wholeNumber,
  withAlphaOptions,
  withCommonOptions,
  withQuantizeOption,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { checkLimits } from "../planning/device-limits.js";
import { planTable } from "../planning/plan-table.js";
import { type AdapterOptions, withAdapterOptions } from "../training/text-options.js";

const trainedParts = ["lora", "all", "theta"] as const;
const solvers = ["sequential", "layerwise", "two-pass"] as const;

interface PlanOptions extends CommonOptions, QuantizeOption, AdapterOptions, StateStreamConfig {
  readonly model: string;
  readonly context?: number;
  readonly batchSize: number;
  readonly train?: (typeof trainedParts)[number];
  readonly length: number;
  readonly solver: (typeof solvers)[number];
  readonly streamOff?: boolean;
}

export function planCommand(): Command {
  const command = new Command("plan")
    .description(
      "What a model needs of memory, part by part, and which limits of devices it would hit; no weights are read",
    )
    .requiredOption("--model <where>", "a folder, an address, a model on the hub, or the path of a config.json")
    .option("--context <N>", "positions that caches hold (default: the model's context)", wholeNumber(1))
    .option("--batch-size <N>", "sequences at once", wholeNumber(1), 1)
    .addOption(
      new Option("--train <what>", "plan a training: of adapters and stream, of all, of the stream").choices(
        trainedParts,
      ),
    )
    .option("--length <N>", "tokens in a row of training", wholeNumber(1), 512)
    .addOption(
      new Option("--solver <name>", "how training solves the recurrence").choices(solvers).default("sequential"),
    )
    .option("--stream-off", "plan the plain backbone");
  return withCommonOptions(withAlphaOptions(withAdapterOptions(withQuantizeOption(command)))).action(run);
}

async function run(options: PlanOptions): Promise<void> {
  const config = withStream(await readModelConfig(options.model), options);
  const plan = planMemory(config, planOptions(config, options));
  await openBackend(options.backend);
  const limits = await checkLimits(plan);
  process.stdout.write(
    options.json ? `${JSON.stringify({ model: config, ...plan, limits })}\n` : planTable(config, plan, limits),
  );
}

/** A model without a stream is planned with one, for that is what it is brought here for. */
function withStream({ stateStream, ...config }: ModelConfig, options: PlanOptions): ModelConfig {
  return options.streamOff ? config : { ...config, stateStream: stateStream ?? alphaBounds(options) };
}

function planOptions(config: ModelConfig, { train, ...options }: PlanOptions): MemoryPlanOptions {
  const { context, batchSize, quantize } = options;
  if (context !== undefined && context > config.maxPositionEmbeddings) {
    throw new SstError(
      "context-overflow",
      `--context ${context} is beyond the model's ${config.maxPositionEmbeddings}`,
    );
  }
  if (train === "theta" && options.streamOff) {
    throw new SstError("contradiction", "--train theta trains the state stream, which --stream-off leaves out");
  }
  if (train === "all" && quantize !== undefined) {
    throw new SstError("contradiction", `what is packed (--quantize ${quantize}) cannot be trained: use --train lora`);
  }
  const caches = { batchSize, quantize, ...(context !== undefined && { context }) };
  if (train === undefined) return caches;
  const training: TrainingMemory = {
    train: train === "lora" ? "adapters" : train,
    lora: { ...loraOfRank(options.rank), targetModules: targetsMatching(config, options.targets) },
    batchSize,
    time: options.length,
    solver: options.streamOff ? "off" : options.solver,
    recompute: options.recompute ?? false,
  };
  return { ...caches, training };
}
