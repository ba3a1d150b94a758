/** A new application on the tarballs: the same model in plain Node, in a page and in its worker, on every device. */
import { cpSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromiumFlags, chromiumPath, describeWhere } from "@sst/vitest-config/helpers";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Answer } from "../application/logits.js";
import { lookedUp } from "../src/lockfile.js";
import { serve } from "../src/serve.js";
import { emptyFolder, mustRun } from "../src/stranger.js";

const packed = inject("packed");
const simd = /^WebAssembly with (relaxed )?SIMD, (one thread|\d+ threads)$/;
const executablePath = chromiumPath();

let folder: string;
let inNode: Answer;

beforeAll(async () => {
  folder = emptyFolder(packed, "application");
  cpSync(resolve(import.meta.dirname, "../application"), folder, { recursive: true });
  for (const command of [
    "npm init -y",
    "npm pkg set type=module",
    "npm install @sst/tensor @sst/layers @sst/backend-cpu @sst/backend-webgpu",
    "npm install --save-dev vite",
  ]) {
    await mustRun(command, folder, packed);
  }
  // That this returns at all means that the process has ended by itself.
  inNode = JSON.parse((await mustRun("node node.ts", folder, packed)).output);
});

test("everything of ours came from the tarballs", () => {
  expect(lookedUp(folder, "@sst")).toEqual([]);
});

test("plain Node runs the model on WebAssembly", () => {
  expect(inNode.description).toMatch(simd);
  expect(inNode.logits).toHaveLength(2 * 6 * 10);
  expect(inNode.logits.every(Number.isFinite)).toBe(true);
  expect(new Set(inNode.logits).size).toBeGreaterThan(100);
});

describe("with Vite", () => {
  beforeAll(async () => {
    await mustRun("npx vite build", folder, packed);
  });

  test("the build needs no file of the packages beside its scripts", () => {
    const assets = readdirSync(join(folder, "dist/assets"));
    expect(assets.length).toBeGreaterThan(0);
    expect(assets.filter((name) => !name.endsWith(".js"))).toEqual([]);
  });

  describeWhere(executablePath, "no Chromium here (SST_CHROMIUM names one)", "in Chromium", () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: executablePath as string, args: [...chromiumFlags] });
    });

    afterAll(() => browser?.close());

    for (const mode of ["preview", "dev"] as const) {
      test(`page, worker and GPU agree with Node (vite ${mode})`, async () => {
        const server = await serve(folder, mode);
        try {
          const answers = await answersOf(browser, server.address);
          expect(answers.page.description).toMatch(simd);
          expect(answers.worker.description).toMatch(simd);
          expect(answers.webgpu.description).not.toMatch(simd);
          expect(Math.max(...pairs([inNode, ...Object.values(answers)]).map(difference))).toBeLessThan(1e-4);
        } finally {
          await server.stop();
        }
      });
    }
  });
});

/** What the page at an address comes to say. */
async function answersOf(browser: Browser, address: string): Promise<Record<"page" | "worker" | "webgpu", Answer>> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const broken = new Promise<never>((_, reject) => page.on("pageerror", reject));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  try {
    const isDone = () => document.querySelector("#results")?.textContent;
    const finished = page.goto(address).then(() => page.waitForFunction(isDone, undefined, { timeout: 60_000 }));
    await Promise.race([finished, broken]);
    expect(complaints).toEqual([]);
    const answers = JSON.parse((await page.locator("#results").textContent()) as string);
    expect(Object.values(answers).filter((answer) => "failed" in (answer as object))).toEqual([]);
    return answers;
  } catch (error) {
    throw new Error([(error as Error).message, ...complaints].join("\n"), { cause: error });
  } finally {
    await page.close();
  }
}

function pairs<Item>(items: readonly Item[]): [Item, Item][] {
  return items.flatMap((left, index) => items.slice(index + 1).map((right): [Item, Item] => [left, right]));
}

/** The largest difference, relative to the largest logit. */
function difference([left, right]: [Answer, Answer]): number {
  expect(left.logits.length).toBe(right.logits.length);
  const differences = left.logits.map((value, index) => Math.abs(value - (right.logits[index] as number)));
  return Math.max(...differences) / Math.max(...right.logits.map(Math.abs));
}
