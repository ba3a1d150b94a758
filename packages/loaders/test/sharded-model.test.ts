/** Models in several files: read as one, and refused where index and files disagree. */
import { memorySource, modelFiles, readModelData, readSafetensors, writeSafetensors } from "@sst/loaders";
import { describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const indexFile = "model.safetensors.index.json";
const shardNames = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
const { "model.safetensors": whole, ...beside } = modelFiles(tinyModel());
const tensors = readSafetensors(whole as Uint8Array, "model.safetensors");
const names = Object.keys(tensors);
const moved = names[3] as string;

type Shards = Record<string, Record<string, (typeof tensors)[string]>>;

/** The even tensors in the first file, the odd ones in the second. */
function sharded(
  change: (weightMap: Record<string, string>, shards: Shards) => void = () => {},
): Record<string, Uint8Array> {
  const weightMap = Object.fromEntries(names.map((name, index) => [name, shardNames[index % 2] as string]));
  const shards: Shards = { [shardNames[0]]: {}, [shardNames[1]]: {} };
  for (const name of names) (shards[weightMap[name] as string] as Shards[string])[name] = tensors[name] as never;
  change(weightMap, shards);
  const files = Object.entries(shards).map(([name, held]) => [name, writeSafetensors(held)]);
  const index = new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap }));
  return { ...beside, ...Object.fromEntries(files), [indexFile]: index };
}

const reading = (files: Record<string, Uint8Array>) => readModelData(memorySource(files, "the folder"));

test("the files of an index are one model, and others beside them are not opened", async () => {
  const broken = { "model-00001-of-00003.safetensors": Uint8Array.of(1), "pytorch_model.bin": Uint8Array.of(1) };
  expect(await reading({ ...sharded(), ...broken })).toEqual(tinyModel());
});

test("one whole file goes before an index", async () => {
  const index = new TextEncoder().encode("{}");
  expect(await reading({ ...modelFiles(tinyModel()), [indexFile]: index })).toEqual(tinyModel());
});

describe("what does not fit together is named", () => {
  const cases: [string, Parameters<typeof sharded>[0], RegExp][] = [
    [
      "a tensor that the file does not hold",
      (weightMap) => {
        weightMap[moved] = shardNames[0];
      },
      new RegExp(`index\\.json: tensor "${moved}" is said to be in ${shardNames[0]}, which does not hold it`),
    ],
    [
      "a tensor that the index does not name",
      (weightMap) => {
        delete weightMap[moved];
      },
      new RegExp(`index\\.json: ${shardNames[1]} holds tensor "${moved}", which is not said to be there`),
    ],
    [
      "a tensor that is in two files",
      (_, shards) => {
        (shards[shardNames[0]] as Shards[string])[moved] = tensors[moved] as never;
      },
      new RegExp(`${shardNames[0]} holds tensor "${moved}", which is not said to be there`),
    ],
    [
      "a tensor that index and files lack",
      (weightMap, shards) => {
        delete weightMap[moved];
        delete (shards[shardNames[1]] as Shards[string])[moved];
      },
      new RegExp(`index\\.json lacks the tensor "${moved}"`),
    ],
    [
      "a tensor of another shape",
      (_, shards) => {
        (shards[shardNames[1]] as Shards[string])[moved] = { shape: [1], data: new Float32Array(1) };
      },
      new RegExp(`${shardNames[1]}: tensor "${moved}" should be \\[.*\\], but is \\[1\\]`),
    ],
    [
      "a tensor that the model does not have",
      (weightMap, shards) => {
        weightMap["model.extra"] = shardNames[0];
        (shards[shardNames[0]] as Shards[string])["model.extra"] = { shape: [1], data: new Float32Array(1) };
      },
      new RegExp(`${shardNames[0]}: the model of config\\.json has no tensor "model\\.extra"`),
    ],
    [
      "a value that is not finite",
      (_, shards) => {
        const { shape, data } = tensors[moved] as (typeof tensors)[string];
        const damaged = Float32Array.from(data, (value, index) => (index === 7 ? Number.NaN : value));
        (shards[shardNames[1]] as Shards[string])[moved] = { shape, data: damaged };
      },
      new RegExp(`${shardNames[1]}: tensor "${moved}" is not finite: entry 7 is NaN`),
    ],
  ];
  for (const [title, change, message] of cases) {
    test(title, () => expect(reading(sharded(change))).rejects.toMatchObject({ name: "SstError", message }));
  }

  test("a file that is missing", async () => {
    const { [shardNames[1]]: missing, ...rest } = sharded();
    await expect(reading(rest)).rejects.toMatchObject({
      code: "file-not-found",
      message: new RegExp(`the folder holds no file "${shardNames[1]}", which ${indexFile} names`),
    });
  });

  const climbing = [
    "../x.safetensors",
    "/etc/x.safetensors",
    "a/b.safetensors",
    "..\\x.safetensors",
    "C:x.safetensors",
    "..",
  ];
  for (const name of [...climbing, "a\0.safetensors", ".hidden.safetensors", "x.bin", ""]) {
    test(`a file elsewhere: ${JSON.stringify(name)}`, async () => {
      const opened: string[] = [];
      const source = memorySource(
        sharded((weightMap) => {
          weightMap[moved] = name;
        }),
      );
      const read = (file: string) => {
        opened.push(file);
        return source.read(file);
      };
      await expect(readModelData({ ...source, read })).rejects.toMatchObject({
        code: "file-corrupt",
        message: expect.stringContaining(
          `"${moved}" is said to be in "${name}", which is no name of a .safetensors file`,
        ),
      });
      expect(opened).toEqual(["config.json", indexFile]);
    });
  }

  test("an index that has a tensor twice, is no index, or no JSON", async () => {
    const bad: [string, RegExp][] = [
      [`{"weight_map":{"a":"x.safetensors","\\u0061":"y.safetensors"}}`, /index\.json has the key "a" twice/],
      [`{"weight_map":{"a":1}}`, /index\.json: field "weight_map\.a"/],
      ["[]", /index\.json: field/],
      ["{", /index\.json is not valid JSON/],
    ];
    for (const [text, message] of bad) {
      const files = { ...sharded(), [indexFile]: new TextEncoder().encode(text) };
      await expect(reading(files)).rejects.toMatchObject({ code: "file-corrupt", message });
    }
  });
});
