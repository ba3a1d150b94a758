/** What happens when a device goes away or is asked for too much, wherever WebGPU runs. */
import { generate } from "@sst/infer";
import { DecoderModel } from "@sst/layers";
import { activeDevice, add, devices, fill, ready, SstError, tensor } from "@sst/tensor";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { engine } from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";
import { DeviceFaults } from "../src/device-faults.js";

const prompt = [1, 2, 3];

function gpuDevice(): GPUDevice {
  return (engine().backend as WebGPUBackend).device;
}

async function bytesInUse(): Promise<number | undefined> {
  return (await devices()).find(({ backend }) => backend === "webgpu")?.live?.bytesInUse;
}

async function continuation(model: DecoderModel): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of generate(model, prompt, { maxNewTokens: 6 })) tokens.push(token);
  return tokens;
}

export function faultSuite(): void {
  beforeEach(async () => {
    await ready({ backend: "webgpu" });
  });

  describe("a device that is destroyed in the middle of generation", () => {
    test("the generation ends with a typed error, and a model with a host copy goes on with a new device", async () => {
      using model = DecoderModel.fromData(tinyModel(), { keepHostCopy: true });
      const expected = await continuation(model);
      const lost = activeDevice();
      const tokens: number[] = [];
      const interrupted = async () => {
        for await (const token of generate(model, prompt, { maxNewTokens: 6 })) {
          tokens.push(token);
          if (tokens.length === 2) gpuDevice().destroy();
        }
      };
      await expect(interrupted()).rejects.toThrowError(
        expect.objectContaining({ name: "SstError", code: "device-lost" }),
      );
      expect(tokens).toEqual(expected.slice(0, 2));
      expect(lost.isLost).toBe(true);
      expect(() => model.weights()).toThrowError(expect.objectContaining({ code: "device-lost" }));

      await ready({ backend: "webgpu" });
      expect(activeDevice()).not.toBe(lost);
      expect(await continuation(model)).toEqual(expected);
    });

    test("a model without a host copy says that it cannot come back", async () => {
      using model = DecoderModel.fromData(tinyModel());
      await continuation(model);
      const gone = gpuDevice();
      gone.destroy();
      await gone.lost;
      await ready({ backend: "webgpu" });
      await expect(continuation(model)).rejects.toThrowError(/keeps no copy in host memory.*load it again/);
    });

    test("values that were on their way are refused with the reason", async () => {
      const pending = add(tensor(new Float32Array(5000)), 1).data();
      gpuDevice().destroy();
      await expect(pending).rejects.toThrowError(expect.objectContaining({ code: "device-lost" }));
      await expect(pending).rejects.toThrowError(/the device is gone \(it was destroyed/);
    });
  });

  describe("more than there is", () => {
    test("a tensor that no buffer can hold is refused with what was asked for and what is in use", async () => {
      const one = add(tensor([1, 2]), 1);
      await one.data();
      const before = await bytesInUse();
      const limit = Math.min(gpuDevice().limits.maxBufferSize, gpuDevice().limits.maxStorageBufferBindingSize);
      const attempt = () => fill([limit / 4 + 1], 1);
      expect(attempt).toThrowError(expect.objectContaining({ code: "out-of-memory" }));
      expect(attempt).toThrowError(
        new RegExp(`a tensor of ${limit + 4} bytes was asked for.* ${limit} .*bytes are in use`),
      );
      expect(await bytesInUse()).toBe(before);
      const sum = add(one, one);
      expect(Array.from(await sum.data())).toEqual([4, 6]);
      for (const each of [one, sum]) each.dispose();
    });

    test("a device without memory is heard, with what was asked for and what is in use", async () => {
      const events = new EventTarget();
      const full = Object.assign(events, {
        lost: new Promise(() => {}),
        limits: {},
        pushErrorScope: () => {},
        popErrorScope: async () => ({ message: "no more of it" }),
        createBuffer: () => ({}),
      }) as unknown as GPUDevice;
      const faults = new DeviceFaults(full, { onLost: () => {}, bytesInUse: () => 4096 });
      full.createBuffer({ size: 1024, usage: 0 });
      const fault = await faults.take();
      expect(fault).toBeInstanceOf(SstError);
      expect(fault).toMatchObject({ code: "out-of-memory" });
      expect(fault?.message).toMatch(/no memory for 1024 bytes more; 4096 bytes are in use \(no more of it\)/);
      expect(await faults.take()).toBeUndefined();
    });
  });
}
