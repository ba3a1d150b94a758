/** A model and its device: it says where it lives, refuses to be used elsewhere, and comes back from a loss if it can. */
import "@sst/backend-cpu";
import { jsBackend } from "@sst/backend-js";
import { DecoderModel } from "@sst/layers";
import { type BackendContext, defineBackend, memory, ready, registerBackend, zeros } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { logitsOf, tinyConfig, tinyModel, tinyTokens } from "./tiny-model.js";

const tokens = tinyTokens(2, 5);

/** Takes the device away under whoever uses it. */
let loseDevice: BackendContext["onLost"];

beforeAll(() => {
  registerBackend(
    defineBackend({
      ...jsBackend,
      name: "fragile",
      initialize: (context) => {
        loseDevice = context.onLost;
        return jsBackend.initialize(context);
      },
    }),
  );
});

describe("where a model lives", () => {
  test("it says so, and is refused while another device is active", async () => {
    await ready({ backend: "cpu" });
    using onCpu = DecoderModel.fromData(tinyModel());
    const expected = await logitsOf(onCpu, tokens);
    await ready({ backend: "js" });
    using onJs = DecoderModel.fromData(tinyModel());
    expect([onCpu.backend, onJs.backend]).toEqual(["cpu", "js"]);
    expect(() => onCpu.weights()).toThrowError(expect.objectContaining({ code: "wrong-backend" }));
    expect(() => onCpu.weights()).toThrowError('lives on "cpu", but "js" is active: make its own active again');
    const given = await logitsOf(onJs, tokens);
    for (const [index, value] of given.entries()) expect(value).toBeCloseTo(expected[index] as number, 4);
    await ready({ backend: "cpu" });
    expect(await logitsOf(onCpu, tokens)).toEqual(expected);
  });
});

describe("a model whose device is lost", () => {
  test("comes back from its host copy with the same bits", async () => {
    await ready({ backend: "fragile" });
    using model = DecoderModel.fromData(tinyModel(), { keepHostCopy: true });
    const before = await logitsOf(model, tokens);
    const count = memory().tensors;
    loseDevice("unplugged");
    expect(() => model.weights()).toThrowError(expect.objectContaining({ code: "device-lost" }));
    await ready({ backend: "fragile" });
    expect(await logitsOf(model, tokens)).toEqual(before);
    expect(memory().tensors).toBe(count);
    expect(model.backend).toBe("fragile");
  });

  test("comes back packed as it was", async () => {
    await ready({ backend: "fragile" });
    using model = DecoderModel.fromData(tinyModel(), { keepHostCopy: true, quantize: "int8" });
    const before = await logitsOf(model, tokens);
    const count = memory().tensors;
    loseDevice("unplugged");
    await ready({ backend: "fragile" });
    expect(await logitsOf(model, tokens)).toEqual(before);
    expect(memory().tensors).toBe(count);
  });

  test("comes back on another device too", async () => {
    await ready({ backend: "fragile" });
    using model = DecoderModel.fromData(tinyModel(), { keepHostCopy: true });
    loseDevice("unplugged");
    await ready({ backend: "cpu" });
    await logitsOf(model, tokens);
    expect(model.backend).toBe("cpu");
  });

  test("says what to do when it keeps no copy", async () => {
    await ready({ backend: "fragile" });
    using model = DecoderModel.fromData(tinyModel());
    loseDevice("unplugged");
    await ready({ backend: "fragile" });
    expect(() => model.weights()).toThrowError(expect.objectContaining({ code: "device-lost" }));
    expect(() => model.weights()).toThrowError(/gone \(unplugged\).*keeps no copy in host memory.*load it again/);
  });

  test("says what was trained since", async () => {
    await ready({ backend: "fragile" });
    using model = DecoderModel.fromData(tinyModel(), { keepHostCopy: true });
    model.replace("model.norm.weight", zeros([tinyConfig.hiddenSize]));
    loseDevice("unplugged");
    await ready({ backend: "fragile" });
    expect(() => model.weights()).toThrowError(/"model\.norm\.weight" was trained since it was loaded/);
  });
});
