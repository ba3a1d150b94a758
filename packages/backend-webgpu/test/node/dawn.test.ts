/** WebGPU in Node, through Dawn on a Vulkan driver (in software where there is no GPU). */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeWhere, sharedGolden, testWhere } from "@sst/vitest-config/helpers";
import { expect, test } from "vitest";
import { readGoldenModels } from "../golden-files.js";
import { webgpuSuite } from "../webgpu-suite.js";
import { isAvailable, reason } from "./driver.js";

describeWhere(isAvailable, reason, "Dawn", () => webgpuSuite(readGoldenModels(sharedGolden())));

testWhere(sharedGolden(), "no golden values here (SST_GOLDEN_DIR)", "there are golden values", () => {});

/** Runs a program that imports both backends, and gives its last line; a process that hangs fails by its time limit. */
async function lastLineOf(program: string, environment: Record<string, string> = {}): Promise<string> {
  const imports = `
    import { registerHooks } from "node:module";
    import { webgpuBackend } from "@sst/backend-webgpu";
    import "@sst/backend-cpu";
    import { add, matMul, ready, tensor } from "@sst/tensor";`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", imports + program], {
    cwd: join(import.meta.dirname, "../.."),
    env: { ...process.env, ...environment },
    timeout: 50_000,
  });
  return stdout.trim().split("\n").at(-1) as string;
}

/** A program that prints why there is no device. */
const tellReason = `
  const { code } = await webgpuBackend.isAvailable();
  await ready({ backend: "webgpu" }).catch((error) => console.log(code, error.code, error.message));`;

testWhere(isAvailable, reason, "the process ends by itself", async () => {
  const program = `
    await ready({ backend: "webgpu" });
    const product = matMul(tensor([1, 2, 3, 4], [2, 2]), tensor([1, 0, 0, 1], [2, 2]));
    console.log(Array.from(await product.data()).join());`;
  expect(await lastLineOf(program)).toBe("1,2,3,4");
});

testWhere(isAvailable, reason, "reading without waiting is refused with what to do instead", async () => {
  const program = `
    await ready({ backend: "webgpu" });
    const large = add(tensor(new Float32Array(5000)), 1);
    try { large.dataSync(); } catch (error) { console.log(error.code, error.message); }`;
  expect(await lastLineOf(program)).toMatch(/^invalid-argument .*await tensor\.data\(\)/);
});

test("the CPU is chosen unless WebGPU is asked for, and Dawn is not loaded", async () => {
  const program = `
    const { backend } = await ready();
    console.log(backend, navigator.gpu === undefined);`;
  expect(await lastLineOf(program, { SST_BACKEND: "" })).toBe("cpu true");
});

test("without the package `webgpu` the reason is typed and says what to install", async () => {
  const program = `
    registerHooks({
      resolve: (specifier, context, next) => {
        if (specifier !== "webgpu") return next(specifier, context);
        throw Object.assign(new Error("Cannot find package 'webgpu'"), { code: "ERR_MODULE_NOT_FOUND" });
      },
    });`;
  expect(await lastLineOf(program + tellReason)).toMatch(/^package-missing backend-unavailable .*npm install webgpu/);
});

testWhere(
  process.platform === "linux",
  "only Linux has drivers by name",
  "without a driver the reason is typed",
  async () => {
    const line = await lastLineOf(tellReason, { VK_DRIVER_FILES: "/nowhere.json" });
    expect(line).toMatch(/^no-adapter backend-unavailable .*no adapter/);
  },
);
