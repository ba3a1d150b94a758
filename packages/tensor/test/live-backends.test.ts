/** Backends that come to life: which one is taken and why, several at once, and what happens when one fails or is lost. */
import {
  activeBackend,
  activeDevice,
  add,
  type BackendContext,
  type Device,
  devices,
  disposeBackend,
  gatedActivation,
  memory,
  ready,
  registerBackend,
  type SstError,
  tensor,
} from "@sst/tensor";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createRuntime, jsPlugin } from "./js-plugin.js";

beforeEach(() => {
  vi.stubEnv("SST_BACKEND", "");
});

const deviceNamed = async (name: string) => (await devices()).find(({ backend }) => backend === name) as Device;

// The tests share one registry and add to it, in this order.
describe("ready", () => {
  test("takes the best and says why, and why the others were not taken", async () => {
    registerBackend(jsPlugin("plain", 1));
    registerBackend(
      jsPlugin("absent", 30, { isAvailable: async () => ({ available: false, reason: "no such hardware" }) }),
    );
    registerBackend(jsPlugin("broken", 20, { initialize: () => Promise.reject(new Error("the driver says 42")) }));
    const taken = await ready();
    expect(taken.backend).toBe("plain");
    expect(taken.because).toBe("it is the available one of the highest priority");
    expect(taken.passedOver).toEqual([
      { backend: "absent", reason: "no such hardware" },
      { backend: "broken", reason: 'backend "broken" does not come to life: the driver says 42' },
    ]);
    expect(activeBackend()).toBe("plain");
  });

  test("says who named the one that was taken", async () => {
    expect((await ready({ backend: "plain" })).because).toBe("it was named");
    vi.stubEnv("SST_BACKEND", "plain");
    expect((await ready()).because).toBe('SST_BACKEND is "plain"');
  });

  test("a named backend whose initialize rejects is an error with the cause, and the active one stays active", async () => {
    const error: SstError = await ready({ backend: "broken" }).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: "SstError", code: "backend-failed" });
    expect((error.cause as Error).message).toBe("the driver says 42");
    expect(activeBackend()).toBe("plain");
  });

  test("a backend that failed once is tried again", async () => {
    const initialize = vi.fn().mockRejectedValueOnce(new Error("busy")).mockResolvedValueOnce(createRuntime());
    registerBackend(jsPlugin("moody", 1, { initialize }));
    await expect(ready({ backend: "moody" })).rejects.toThrowError("busy");
    expect((await ready({ backend: "moody" })).backend).toBe("moody");
  });

  test("two callers at once share one device", async () => {
    const initialize = vi.fn(async () => createRuntime());
    registerBackend(jsPlugin("shared", 1, { initialize }));
    await Promise.all([ready({ backend: "shared" }), ready({ backend: "shared" })]);
    expect(initialize).toHaveBeenCalledTimes(1);
  });
});

describe("several live backends", () => {
  test("each is listed with what it can do and the bytes that are on it", async () => {
    await ready({ backend: "shared" });
    const empty = await deviceNamed("shared");
    expect(empty.live).toEqual({
      capabilities: { description: "test device shared", dataTypes: ["float32"], features: ["f"], limits: { l: 1 } },
      ownKernels: [],
      bytesInUse: 0,
      isActive: true,
    });
    const x = tensor([1, 2, 3]);
    await ready({ backend: "plain" });
    const y = tensor([1, 2]);
    const alias = y.clone();
    expect((await deviceNamed("shared")).live).toMatchObject({ bytesInUse: 12, isActive: false });
    expect((await deviceNamed("plain")).live).toMatchObject({ bytesInUse: 8, isActive: true });
    expect((await deviceNamed("absent")).live).toBeUndefined();
    for (const each of [x, y, alias]) each.dispose();
    expect((await deviceNamed("shared")).live?.bytesInUse).toBe(0);
    expect((await deviceNamed("plain")).live?.bytesInUse).toBe(0);
  });

  test("those that are not live can be brought to life to say what they can do", async () => {
    registerBackend(jsPlugin("idle", 2));
    await ready({ backend: "plain" });
    expect((await deviceNamed("idle")).live).toBeUndefined();
    const all = await devices({ bringToLife: true });
    const found = (name: string) => all.find(({ backend }) => backend === name) as Device;
    expect(found("idle").live).toMatchObject({ capabilities: { features: ["f"] }, isActive: false });
    expect(found("broken")).toMatchObject({
      availability: { available: false, reason: expect.stringContaining("the driver says 42") },
    });
    expect(found("absent").availability).toEqual({ available: false, reason: "no such hardware" });
    expect(activeBackend()).toBe("plain");
  });

  test("a kernel refuses a tensor that lives elsewhere, and takes it again when that device is active", async () => {
    await ready({ backend: "shared" });
    const x = tensor([1, 2]);
    await ready({ backend: "plain" });
    const refused = () => gatedActivation({ gate: x, up: x }, { activation: "silu" });
    expect(refused).toThrowError(expect.objectContaining({ code: "wrong-backend" }));
    expect(refused).toThrowError(/gatedActivation: input "gate" lives on another device than "plain"/);
    await ready({ backend: "shared" });
    const { y } = gatedActivation({ gate: x, up: x }, { activation: "silu" });
    expect(Array.from(await y.data())).toHaveLength(2);
    x.dispose();
    y.dispose();
  });
});

describe("a device that is lost", () => {
  test("everything on it fails with the reason, and ready() makes a new one", async () => {
    let context: BackendContext | undefined;
    const initialize = vi.fn(async (given: BackendContext) => {
      context = given;
      return createRuntime();
    });
    const dispose = vi.fn();
    registerBackend(jsPlugin("fragile", 1, { initialize, dispose }));
    await ready({ backend: "fragile" });
    const lost = activeDevice();
    const before = memory();
    const x = tensor([1, 2]);
    context?.onLost("the driver was reset");
    expect(lost.isLost).toBe(true);
    expect(lost.lossReason).toBe("the driver was reset");
    const use = () => gatedActivation({ gate: x, up: x }, { activation: "silu" });
    expect(use).toThrowError(expect.objectContaining({ code: "device-lost" }));
    expect(use).toThrowError(/"fragile" is gone \(the driver was reset\): `await ready\(\)` makes a new one/);
    expect((await deviceNamed("fragile")).live).toBeUndefined();

    const warn = vi.spyOn(console, "warn");
    await ready({ backend: "fragile" });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
    expect(initialize).toHaveBeenCalledTimes(2);
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(activeDevice()).not.toBe(lost);
    expect(use).toThrowError(expect.objectContaining({ code: "wrong-backend" }));
    const fresh = tensor([1, 2]);
    const sum = add(fresh, fresh);
    expect(Array.from(await sum.data())).toEqual([2, 4]);
    for (const each of [x, fresh, sum]) each.dispose();
    expect(memory()).toEqual(before);
  });
});

describe("giving a device back", () => {
  test("disposeBackend disposes once, and what was active is gone", async () => {
    const dispose = vi.fn();
    registerBackend(jsPlugin("brief", 1, { dispose }));
    await ready({ backend: "brief" });
    const device = activeDevice();
    disposeBackend("brief");
    disposeBackend("brief");
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(device.isLost).toBe(true);
    expect(() => gatedActivation({ gate: tensor([1]), up: tensor([1]) }, { activation: "silu" })).toThrowError(
      expect.objectContaining({ code: "device-lost" }),
    );
    await ready({ backend: "plain" });
  });

  test("a plugin that replaces a live one disposes of it", async () => {
    const dispose = vi.fn();
    registerBackend(jsPlugin("old", 1, { dispose }));
    await ready({ backend: "old" });
    registerBackend(jsPlugin("old", 1), { replace: true });
    expect(dispose).toHaveBeenCalledTimes(1);
    expect((await ready({ backend: "old" })).live.capabilities.description).toBe("test device old");
  });
});
