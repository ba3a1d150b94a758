/** The registry of backends, with plugins that never come to life: who is refused, and what is said. */
import {
  activeBackend,
  BACKEND_CONTRACT_VERSION,
  type Backend,
  defineBackend,
  devices,
  ready,
  registerBackend,
} from "@sst/tensor";
import { beforeEach, describe, expect, test, vi } from "vitest";

const unusable = (name: string, priority: number): Backend =>
  defineBackend({
    contractVersion: BACKEND_CONTRACT_VERSION,
    name,
    priority,
    isAvailable: async () => ({ available: false, reason: `no ${name} here` }),
    initialize: () => Promise.reject(new Error("initialised without being available")),
    capabilities: () => ({ description: "nothing", dataTypes: [], features: [], limits: {} }),
    kernels: () => ({}),
    dispose: () => {},
  });

beforeEach(() => {
  vi.stubEnv("SST_BACKEND", "");
});

// The tests share one registry, so they run in this order: first without any backend, then with two.
describe("without a backend", () => {
  test("ready says what to do", async () => {
    await expect(ready()).rejects.toThrowError(/none is registered: import @sst\/backend-cpu/);
    await expect(ready()).rejects.toMatchObject({ name: "SstError", code: "backend-unavailable" });
  });

  test("an unknown name is refused", async () => {
    await expect(ready({ backend: "gpu" })).rejects.toMatchObject({ code: "backend-unknown" });
    await expect(ready({ backend: "gpu" })).rejects.toThrowError('unknown backend "gpu"; registered: none');
  });

  test("there are no devices, and none is active", async () => {
    expect(await devices()).toEqual([]);
    expect(() => activeBackend()).toThrowError(expect.objectContaining({ code: "not-ready" }));
  });
});

describe("with backends", () => {
  test("one of another contract version is refused and not listed", async () => {
    const old = { ...unusable("old", 1), contractVersion: BACKEND_CONTRACT_VERSION - 1 };
    const register = () => registerBackend(old);
    expect(register).toThrowError(expect.objectContaining({ code: "backend-contract" }));
    expect(register).toThrowError(
      new RegExp(
        `"old".*contract version ${BACKEND_CONTRACT_VERSION - 1}, this is version ${BACKEND_CONTRACT_VERSION}`,
      ),
    );
    expect(await devices()).toEqual([]);
  });

  test("devices come best first, with the reason why they cannot be used, and are not initialised", async () => {
    registerBackend(unusable("slow", 1));
    registerBackend(unusable("fast", 2));
    expect(await devices()).toEqual([
      { backend: "fast", priority: 2, availability: { available: false, reason: "no fast here" } },
      { backend: "slow", priority: 1, availability: { available: false, reason: "no slow here" } },
    ]);
  });

  test("none usable: every reason is given, best first", async () => {
    await expect(ready()).rejects.toThrowError("no usable backend (fast: no fast here; slow: no slow here)");
  });

  test("the one named is the only one asked", async () => {
    await expect(ready({ backend: "slow" })).rejects.toThrowError("no usable backend (slow: no slow here)");
    vi.stubEnv("SST_BACKEND", "fast");
    await expect(ready()).rejects.toThrowError("no usable backend (fast: no fast here)");
    await expect(ready({ backend: "slow" })).rejects.toThrowError("(slow: no slow here)");
  });

  test("an unknown name is refused with the names that there are", async () => {
    await expect(ready({ backend: "gpu" })).rejects.toThrowError('unknown backend "gpu"; registered: fast, slow');
    vi.stubEnv("SST_BACKEND", "tpu");
    await expect(ready()).rejects.toThrowError(/unknown backend "tpu"/);
  });

  test("two plugins of one name: the second is refused, unless it is to replace the first", async () => {
    const second = unusable("slow", 3);
    expect(() => registerBackend(second)).toThrowError(expect.objectContaining({ code: "backend-exists" }));
    expect((await devices()).map(({ backend }) => backend)).toEqual(["fast", "slow"]);
    registerBackend(second, { replace: true });
    expect(() => registerBackend(second)).not.toThrow();
    expect((await devices()).map(({ backend }) => backend)).toEqual(["slow", "fast"]);
  });
});
