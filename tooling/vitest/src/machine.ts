import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder of real data sets and checkpoints that is no part of the repository; undefined where it is missing. */
export const sharedData = (): string | undefined => sharedFolder("SST_DATA_DIR", "data");

/** A folder of reference logits and gradients that is no part of the repository; undefined where it is missing. */
export const sharedGolden = (): string | undefined => sharedFolder("SST_GOLDEN_DIR", "golden");

/** The program file of a Chromium (or Chrome); `SST_CHROMIUM` names another one. */
export function chromiumPath(): string | undefined {
  return firstThatExists(
    process.env.SST_CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    join(process.env.PROGRAMFILES ?? "C:\\Program Files", "Google", "Chrome", "Application", "chrome.exe"),
  );
}

/** For tests in Chromium: WebGPU in software, also as root and without a display; no traffic of its own. */
export const chromiumFlags: readonly string[] = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * The description of a Vulkan driver in software (SwiftShader), which comes with Chromium: with its path in
 * `VK_DRIVER_FILES`, Dawn finds an adapter on a machine without a GPU.
 */
export function vulkanDriver(): string | undefined {
  return firstThatExists(
    process.env.VK_DRIVER_FILES,
    "/usr/lib/chromium/vk_swiftshader_icd.json",
    "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
    "/opt/google/chrome/vk_swiftshader_icd.json",
  );
}

function sharedFolder(variable: string, name: string): string | undefined {
  return firstThatExists(process.env[variable] ?? join(repositoryRoot(), "..", "shared", name));
}

function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "pnpm-workspace.yaml")) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

function firstThatExists(...paths: (string | undefined)[]): string | undefined {
  const found = paths.find((path) => path !== undefined && path !== "" && existsSync(path));
  return found === undefined ? undefined : resolve(found);
}
