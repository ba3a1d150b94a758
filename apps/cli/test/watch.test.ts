/** The live page of a run, in Chromium: what it shows is what the log says. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumFlags, chromiumPath, describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { program } from "./run-sst.js";

const executablePath = chromiumPath();
const data = sharedData();

/** Starts a command with `--watch` and says where its page is. */
async function watched(...parameters: string[]): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [program, ...parameters, "--watch"], {
    env: { ...process.env, SST_BACKEND: "cpu" },
  });
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (piece: Buffer) => {
      const found = /http:\S+/.exec(String(piece))?.[0];
      if (found) resolve(found);
    });
    child.on("close", () => reject(new Error("it ended")));
  });
  return { child, address };
}

describeWhere(executablePath, "no Chromium here (SST_CHROMIUM names one)", "sst train --watch", () => {
  const scratch = mkdtempSync(join(tmpdir(), "sst-watch-"));
  const complaints: string[] = [];
  let child: ChildProcess;
  let browser: Browser;
  let page: Page;
  let address = "";

  beforeAll(async () => {
    const options = ["--task", "s3", "--steps", "100000", "--length", "6", "--batch-size", "4"];
    const looks = ["--run", scratch, "--eval-every", "20", "--observe-every", "10", "--solver", "auto"];
    ({ address, child } = await watched("train", ...options, ...looks));
    browser = await chromium.launch({ executablePath: executablePath as string, args: [...chromiumFlags] });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(address);
    await page.getByText(/^Step \d{2,} of 100000$/).waitFor({ timeout: 60_000 });
    await page.locator(".chart canvas").nth(6).waitFor({ timeout: 30_000 });
  }, 120_000);

  afterAll(async () => {
    child?.kill("SIGKILL");
    await browser?.close();
    rmSync(scratch, { recursive: true });
  });

  test("draws every figure, and complains of nothing", async () => {
    const titles = await page.locator(".chart h2").allTextContents();
    expect(titles.map((title) => title.split(/[ ,:(]/)[0])).toEqual(
      expect.arrayContaining(["Loss", "Residual", "Alpha", "Gradient", "Learning", "Tokens"]),
    );
    for (const canvas of await page.locator(".chart canvas").all()) {
      // Drawn on: not all of its pixels are the same.
      const colours = await canvas.evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const context = (element as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
        return new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size;
      });
      expect(colours).toBeGreaterThan(10);
    }
    const screenshot = process.env.SST_SCREENSHOT;
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    expect(complaints).toEqual([]);
  });

  test("shows figures of the log, and goes on", async () => {
    const shown = async () => Number(await page.locator("#figures dd").first().textContent());
    await page.waitForTimeout(1500);
    const loss = await shown();
    const logged = readFileSync(join(scratch, "log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const losses = logged.flatMap(({ event, loss: value }) => (event === "step" ? [value.toFixed(4)] : []));
    expect(losses).toContain(loss.toFixed(4));
    const before = await page.locator("#state").textContent();
    await page.waitForTimeout(1000);
    expect(await page.locator("#state").textContent()).not.toBe(before);
  });

  test("says which solver was chosen, and why", async () => {
    expect(await page.locator("#solver").textContent()).toMatch(
      /^Solver from step \d+ on: (sequential|layerwise, \d sweeps), residual \S+ \(.*sweeps.*\)$/,
    );
  });

  test("is for this machine alone", async () => {
    const answer = (path: string, host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(new URL(path, address), { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end();
      });
    expect(new URL(address).hostname).toBe("127.0.0.1");
    expect(await answer("/", "127.0.0.1")).toBe(200);
    expect(await answer("/", "elsewhere.example")).toBe(403);
    expect(await answer("/../package.json", "localhost")).toBe(404);
  });

  test("says how the run ended", async () => {
    child.kill("SIGINT");
    await page.getByText(/^Interrupted at step \d+ of 100000$/).waitFor({ timeout: 20_000 });
  });
});

describeWhere(executablePath && data, "no Chromium or no real data here", "sst cotrain --watch", () => {
  test("shows both runs side by side", async () => {
    const model = ["--model", join(data as string, "stories260K"), "--data", join(data as string, "gsm8k")];
    const out = join(tmpdir(), `sst-watch-${crypto.randomUUID()}`);
    const sizes = ["--steps", "10000", "--length", "16", "--batch-size", "1", "--observe-every", "5"];
    const { address, child } = await watched("cotrain", ...model, "--out", out, ...sizes);
    const browser = await chromium.launch({ executablePath: executablePath as string, args: [...chromiumFlags] });
    try {
      const page = await browser.newPage();
      await page.goto(address);
      await page.getByText(/^Step \d{2,} of 10000$/).waitFor({ timeout: 60_000 });
      for (const shown of ["baseline: loss", "stream: loss", "baseline: training", "stream: layer 0"]) {
        await page.getByText(shown, { exact: true }).first().waitFor({ timeout: 30_000 });
      }
    } finally {
      child.kill("SIGKILL");
      await browser.close();
    }
  }, 120_000);
});
