/** Adapters on any subset of the linear layers. */
import "@sst/backend-cpu";
import { adapterShapes, allLinearLayers, DecoderModel, targetsMatching, withAdditionsOf, withLora } from "@sst/layers";
import { fill, keep, Random, ready } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { logitsOf, tinyConfig, tinyModel, tinyTokens } from "./tiny-model.js";

const targets = (...patterns: string[]) => targetsMatching(tinyConfig, patterns);

describe("targetsMatching", () => {
  test("last parts, globs and regular expressions", () => {
    expect(targets("q_proj", "v_proj")).toEqual(["q_proj", "v_proj"]);
    expect(targets("*")).toEqual(allLinearLayers);
    expect(targets("*.[qv]_proj")).toEqual(["q_proj", "v_proj"]);
    expect(targets("*.mlp.*")).toEqual(["gate_proj", "up_proj", "down_proj"]);
    expect(targets("model.layers.1.{mlp,self_attn}.{up,o}_proj")).toEqual([
      "model.layers.1.self_attn.o_proj",
      "model.layers.1.mlp.up_proj",
    ]);
    expect(targets("/layers\\.[01]\\..*(gate|up)/")).toEqual(["gate_proj", "up_proj"]);
    expect(targets("/layers\\.0\\.mlp\\.gate/", "gate_proj")).toEqual(["gate_proj"]);
  });

  test("what matches nothing, or is no expression, is refused", () => {
    const refused = (pattern: string, message: RegExp) =>
      expect(() => targets("q_proj", pattern)).toThrowError(
        expect.objectContaining({ code: "invalid-argument", message: expect.stringMatching(message) }),
      );
    refused("z_proj", /no linear layer matches "z_proj".*q_proj/);
    refused("model.layers.2.*", /model\.layers\.2/);
    refused("/(/", /no regular expression/);
  });
});

describe("adapters on some layers", () => {
  const lora = { rank: 2, alpha: 4, targetModules: targets("model.layers.1.mlp.*", "o_proj") };

  test("are the ones that were asked for, and they alone change the logits", async () => {
    await ready({ backend: "cpu" });
    const modules = Object.keys(adapterShapes(tinyConfig, lora)).map((name) => name.replace(/\.lora_.*/, ""));
    expect([...new Set(modules)]).toEqual([
      "model.layers.0.self_attn.o_proj",
      "model.layers.1.self_attn.o_proj",
      "model.layers.1.mlp.gate_proj",
      "model.layers.1.mlp.up_proj",
      "model.layers.1.mlp.down_proj",
    ]);
    const fresh = withLora(tinyModel(), lora, new Random(0));
    const b = "model.layers.1.mlp.up_proj.lora_B.weight";
    using before = DecoderModel.fromData(fresh);
    using after = DecoderModel.fromData(fresh);
    after.replace(b, keep(fill([24, 2], 0.3)));
    using plain = DecoderModel.fromData(tinyModel());
    const tokens = tinyTokens(1, 5);
    expect(await logitsOf(before, tokens)).toEqual(await logitsOf(plain, tokens));
    expect(await logitsOf(after, tokens)).not.toEqual(await logitsOf(plain, tokens));
    expect((await after.toData()).adapter?.weights[b]?.data[0]).toBeCloseTo(0.3, 6);
  });

  test("come back from beside a packed backbone, with the thetas", async () => {
    await ready({ backend: "cpu" });
    const data = withLora(tinyModel(), lora, new Random(0));
    using packed = DecoderModel.fromData(data, { quantize: "nf4" });
    const { adapter: _, ...backbone } = tinyModel();
    expect(await withAdditionsOf(backbone, packed)).toEqual(data);
    packed.replace("model.layers.0.state_stream.theta", keep(fill([16], 2)));
    const { weights } = await withAdditionsOf(backbone, packed);
    expect([...new Set(weights["model.layers.0.state_stream.theta"]?.data)]).toEqual([2]);
  });
});
