/** Models straight from files to the device: in parts, whatever the parts, and nothing left behind where it fails. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@sst/backend-cpu";
import { allLinearLayers, DecoderModel, initializeModel, withLora } from "@sst/layers";
import { folderSource, loadModel, memorySource, modelFiles, saveModelData } from "@sst/loaders";
import { memory, Random, ready, weightFormats } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logitsOf, tinyConfig, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-load-"));
const tokens = tinyTokens(1, 4);
const adapted = withLora(tinyModel(), { rank: 2, alpha: 4, targetModules: allLinearLayers }, new Random(3));

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

afterAll(() => rmSync(scratch, { recursive: true }));

describe("loadModel", () => {
  test("a tensor of several parts comes whole, from a folder and from memory", async () => {
    // 2.5 MB and 4 bytes: more than two parts, and a last one that is not full.
    const config = { ...tinyConfig, vocabSize: 40_961 };
    const data = initializeModel(config, new Random(0));
    const folder = join(scratch, "parts");
    await saveModelData(folder, data);
    for (const source of [folder, memorySource(modelFiles(data))]) {
      using model = await loadModel(source);
      expect(await model.toData()).toEqual(data);
    }
  });

  test("adapters and stream come along, and a host copy when it is asked for", async () => {
    using model = await loadModel(memorySource(modelFiles(adapted)), { keepHostCopy: true });
    expect(await model.toData()).toEqual(adapted);
  });

  for (const quantize of weightFormats) {
    test(`quantised to ${quantize} while it is read: the bits of a model that was quantised afterwards`, async () => {
      for (const data of [adapted, tinyModel({ tieWordEmbeddings: true })]) {
        using loaded = await loadModel(memorySource(modelFiles(data)), { quantize });
        using made = DecoderModel.fromData(data, { quantize });
        expect(await logitsOf(loaded, tokens)).toEqual(await logitsOf(made, tokens));
      }
    });
  }

  test("a file that is cut off after it was opened is named, and nothing stays on the device", async () => {
    const folder = join(scratch, "cut");
    await saveModelData(folder, tinyModel());
    const source = await folderSource(folder);
    const cutting = {
      ...source,
      open: async (name: string) => {
        const file = await (source.open as NonNullable<typeof source.open>)(name);
        let reads = 0;
        const read: typeof file.read = (position, into) => {
          if (name === "model.safetensors" && ++reads === 5) truncateSync(join(folder, name), 4000);
          return file.read(position, into);
        };
        return { ...file, read };
      },
    };
    const before = memory();
    await expect(loadModel(cutting)).rejects.toThrowError(
      expect.objectContaining({
        code: "file-corrupt",
        message: expect.stringMatching(/model\.safetensors ends at byte 4000/),
      }),
    );
    expect(memory()).toEqual(before);
  });

  test("a value that is not finite is found wherever it is in a part, and nothing stays on the device", async () => {
    const name = "model.layers.1.mlp.down_proj.weight";
    for (const index of [0, 5, 381, 382, 383]) {
      const data = tinyModel();
      data.weights[name]?.data.set([index % 2 ? Number.NaN : Number.NEGATIVE_INFINITY], index);
      const before = memory();
      await expect(loadModel(memorySource(modelFiles(data)))).rejects.toThrowError(
        expect.objectContaining({ code: "not-finite", message: expect.stringMatching(`"${name}".*entry ${index} `) }),
      );
      expect(memory()).toEqual(before);
    }
  });

  test("an adapter that is missing its weights leaves no file open", async () => {
    const folder = join(scratch, "half");
    await saveModelData(folder, tinyModel());
    writeFileSync(
      join(folder, "adapter_config.json"),
      JSON.stringify({ peft_type: "LORA", r: 1, lora_alpha: 1, target_modules: [] }),
    );
    const source = await folderSource(folder);
    let open = 0;
    const counting = {
      ...source,
      open: async (name: string) => {
        const file = await (source.open as NonNullable<typeof source.open>)(name);
        open++;
        const close = () => {
          open--;
          return file.close();
        };
        return { ...file, close };
      },
    };
    await expect(loadModel(counting)).rejects.toThrowError(/no file "adapter_model.safetensors"/);
    expect(open).toBe(0);
  });
});
