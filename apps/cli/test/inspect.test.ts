/** `sst inspect`, and its page in Chromium: views that show the same position, and complain of nothing. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromiumFlags, chromiumPath, describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InspectionData } from "../src/inspection/inspection-data.js";
import { type Outcome, sst } from "./run-sst.js";
import { writeSmallChatModel } from "./serve/small-chat-model.js";

const executablePath = chromiumPath();
const data = sharedData();
const scratch = mkdtempSync(join(tmpdir(), "sst-inspect-"));
const model = join(scratch, "s3");
const report = join(scratch, "s3.html");
const prompt = "132 213 231 312 123 132 213 213 132 231 312 321";

const inspect = (...parameters: string[]) =>
  sst("inspect", "--model", model, "--prompt", prompt, "--backend", "cpu", ...parameters);

/** What a report's views are told. */
function dataOf(path: string): InspectionData {
  const page = readFileSync(path, "utf8");
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");
}

let outcome: Outcome;

beforeAll(async () => {
  const sizes = ["--steps", "60", "--length", "6", "--batch-size", "8", "--hidden-size", "16"];
  const trained = await sst("train", "--task", "s3", ...sizes, "--out", model, "--backend", "cpu");
  expect(trained).toMatchObject({ code: 0 });
  outcome = await inspect("--iterations", "3", "--out", report, "--trace", join(scratch, "trace"), "--json");
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true }));

describe("sst inspect", () => {
  test("leaves a report of all positions that needs nothing from elsewhere", () => {
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const { positions, layers, iterations, outcome: what, modes } = dataOf(report);
    expect(positions.map(({ text }) => text.trim())).toEqual(["<s3>", ...prompt.split(" ")]);
    expect([layers.length, iterations, what]).toEqual([2, 3, "label"]);
    expect(modes.map(({ values }) => values.length)).toEqual([12, 13]);
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({ out: report, positions: 13 });
    expect(summary.layers.map(({ changePoints }: { changePoints: number[] }) => changePoints)).toEqual(
      layers.map(({ changePoints }) => changePoints),
    );
    expect(readFileSync(report, "utf8")).not.toMatch(/(src|href)="(?!data:)|url\(|@import|https?:\/\/(?!www\.w3\.org)/);
  });

  test("keeps the trace that the report is of", () => {
    const lines = readFileSync(join(scratch, "trace", "trace.jsonl"), "utf8")
      .trim()
      .split("\n");
    const [header, ...records] = lines.map((line) => JSON.parse(line));
    expect(header).toMatchObject({ format: "sst-trace", version: 1, numLayers: 2, about: { prompt } });
    const { positions, layers } = dataOf(report);
    expect(records).toHaveLength(13);
    for (const [at, record] of records.entries()) {
      expect(record.token).toBe(positions[at]?.token);
      expect(layers[1]?.norm[at]?.[2]).toBeCloseTo(record.layers[1][2].norm, 3);
    }
    expect(readFileSync(join(scratch, "trace", "states.f32"))).toHaveLength(16 + 13 * 3 * 2 * 16 * 4);
  });

  test("says the label that generate says", async () => {
    const labelled = await sst(
      "generate",
      "--model",
      model,
      "--prompt",
      prompt,
      "--iterations",
      "3",
      "--json",
      "--backend",
      "cpu",
    );
    const { positions, names } = dataOf(report);
    const likeliest = positions.map(({ posterior }) => names[posterior.at(-1)?.top[0]?.[0] as number]);
    expect(likeliest.slice(1)).toEqual(JSON.parse(labelled.stdout).labels);
  });

  test("a page or a folder that is there is not touched", async () => {
    const there = join(scratch, "there.html");
    writeFileSync(there, "mine");
    expect(await inspect("--out", there)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/exists already.*--overwrite/),
    });
    expect(readFileSync(there, "utf8")).toBe("mine");
    expect(await inspect("--out", there, "--overwrite")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^layer 0: \d basins?, /),
    });
    expect(dataOf(there).positions).toHaveLength(13);
    const other = join(scratch, "other.html");
    expect(await inspect("--out", other, "--trace", scratch)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/exists already.*--trace/),
    });
    expect(existsSync(other)).toBe(false);
  });

  const refusals: [string, string[], RegExp][] = [
    ["a folder that is not there", ["--out", join(scratch, "nowhere", "report.html")], /cannot be written/],
    [
      "draws from a model that labels",
      ["--out", join(scratch, "no.html"), "--temperature", "1"],
      /--temperature does not apply/,
    ],
    [
      "new tokens from a model that labels",
      ["--out", join(scratch, "no.html"), "--max-new-tokens", "4"],
      /--max-new-tokens does not apply/,
    ],
    [
      "a policy for a model that labels",
      ["--out", join(scratch, "no.html"), "--deliberation", "fixed:2"],
      /--deliberation does not apply/,
    ],
    [
      "iterations without the stream",
      ["--out", join(scratch, "no.html"), "--iterations", "2", "--stream-off"],
      /switched on/,
    ],
  ];
  for (const [name, parameters, message] of refusals) {
    test(`${name}: one line, and nothing is left`, async () => {
      const refused = await inspect(...parameters, "--trace", join(scratch, "none"));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
      expect(refused.stderr.trim().split("\n")).toHaveLength(1);
      expect([join(scratch, "no.html"), join(scratch, "none")].map(existsSync)).toEqual([false, false]);
    });
  }
});

test("a policy thinks as long as it does when it generates, and the page shows that", async () => {
  const folder = join(scratch, "small-chat");
  await writeSmallChatModel(folder);
  const out = join(scratch, "policy.html");
  const policy = "until-converged:tolerance=0.2,maximum=5";
  const flags = ["--model", folder, "--prompt", "What is it?", "--max-new-tokens", "12", "--deliberation", policy];
  expect(await sst("inspect", ...flags, "--out", out, "--backend", "cpu")).toMatchObject({ code: 0 });
  const { stdout } = await sst("generate", ...flags, "--json", "--backend", "cpu");
  const { tokens, iterations } = JSON.parse(stdout) as { tokens: number[]; iterations: number };
  const { positions } = dataOf(out);
  const depths = positions.map(({ posterior }) => posterior.length);
  const ofTokens = depths.slice(-tokens.length);
  expect(positions.slice(1 - tokens.length).map(({ token }) => token)).toEqual(tokens.slice(0, -1));
  expect(ofTokens.reduce((sum, depth) => sum + depth, 0)).toBe(iterations);
  expect(new Set(ofTokens).size).toBeGreaterThan(1);
  expect(new Set(depths.slice(0, -tokens.length))).toEqual(new Set([1]));
  expect(readFileSync(out, "utf8")).toContain(`with up to ${Math.max(...depths)} iterations at each.`);
});

describeWhere(data, "no real data here (SST_DATA_DIR)", "sst inspect on a text", () => {
  test("goes on as generate does, and shows the text", async () => {
    const out = join(scratch, "stories.html");
    const story = [
      "--model",
      join(data as string, "stories260K"),
      "--prompt",
      "Once upon a time",
      "--max-new-tokens",
      "20",
    ];
    expect(await sst("inspect", ...story, "--out", out, "--backend", "cpu")).toMatchObject({ code: 0 });
    const { stdout } = await sst("generate", ...story, "--json", "--backend", "cpu");
    const { tokens } = JSON.parse(stdout) as { tokens: number[] };
    const { positions, modes } = dataOf(out);
    const generated = positions.filter(({ isGenerated }) => isGenerated).map(({ token }) => token);
    // The last token was chosen, and never read.
    expect(generated).toEqual(tokens.slice(0, -1));
    expect(positions.map(({ text }) => text).join("")).toMatch(/^⟨1⟩Once upon a time/);
    expect(modes).toHaveLength(1);
  });
});

describeWhere(executablePath, "no Chromium here (SST_CHROMIUM names one)", "the page of sst inspect", () => {
  const complaints: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: [...chromiumFlags] });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) complaints.push(`it asks for ${request.url()}`);
    });
    await page.goto(pathToFileURL(report).href);
  }, 60_000);
  afterAll(() => browser?.close());

  /** The position that each view says it shows. */
  const shownEverywhere = () =>
    page.evaluate(() => {
      const number = (selector: string) => Number((document.querySelector(selector) as HTMLElement).dataset.position);
      const tokens = [...document.querySelectorAll(".token")];
      return {
        text: tokens.findIndex((token) => token.ariaCurrent === "true"),
        slider: Number((document.getElementById("position") as HTMLInputElement).value),
        iterations: number("#iterations"),
        lens: number("#lens"),
        trajectory: number("#trajectory"),
        dot: Number((document.querySelector(".dot.shown") as SVGElement).dataset.position),
        maps: [...document.querySelectorAll<HTMLElement>("[data-map]")].map(({ dataset }) => Number(dataset.position)),
      };
    });
  const all = (position: number) => ({
    text: position,
    slider: position,
    iterations: position,
    lens: position,
    trajectory: position,
    dot: position,
    maps: new Array(6).fill(position),
  });

  test("every map is drawn", async () => {
    for (const canvas of await page.locator("[data-map] canvas").all()) {
      const colours = await canvas.evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const context = (element as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
        return new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size;
      });
      expect(colours).toBeGreaterThan(3);
    }
  });

  test("pointing at one view marks the position in all of them, and leaving it goes back", async () => {
    const before = (await shownEverywhere()).text;
    await page.locator(".token").nth(7).hover();
    expect(await shownEverywhere()).toEqual(all(7));
    const surface = page.locator('[data-map="norm"] .surface');
    const { width, height } = (await surface.boundingBox()) as { width: number; height: number };
    await surface.hover({ position: { x: (width * 4.5) / 13, y: height / 4 } });
    expect(await shownEverywhere()).toEqual(all(4));
    await page.locator('.dot[data-position="9"]').dispatchEvent("pointerover");
    expect(await shownEverywhere()).toEqual(all(9));
    await page.locator("h1").hover();
    await page.locator("#trajectory").dispatchEvent("pointerleave");
    expect(await shownEverywhere()).toEqual(all(before));
  });

  test("a click on a cell stays at its position and takes its layer", async () => {
    const surface = page.locator('[data-map="norm"] .surface');
    const { width, height } = (await surface.boundingBox()) as { width: number; height: number };
    await surface.click({ position: { x: (width * 10.5) / 13, y: height - 4 } });
    await page.locator("h1").hover();
    expect(await shownEverywhere()).toEqual(all(10));
    expect(await page.locator("#layer").inputValue()).toBe("0");
    const { layers, positions, names } = dataOf(report);
    const norm = layers[0]?.norm[10]?.[2] as number;
    await page.getByText(`Position 10, layer 0: ${norm.toFixed(norm >= 10 ? 1 : 3)}`).waitFor();
    const [token] = positions[10]?.posterior[2]?.top[0] ?? [];
    const likeliest = page.locator("#iterations .step.shown .piece").first();
    expect(await likeliest.textContent()).toBe(names[token as number]);
  });

  test("arrow keys go from position to position", async () => {
    await page.locator('.token[tabindex="0"]').focus();
    await page.keyboard.press("ArrowLeft");
    expect(await shownEverywhere()).toEqual(all(9));
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    expect(await shownEverywhere()).toEqual(all(0));
    await page.keyboard.press("End");
    expect(await shownEverywhere()).toEqual(all(12));
    await page.locator("#position").focus();
    await page.keyboard.press("ArrowLeft");
    expect(await shownEverywhere()).toEqual(all(11));
  });

  test("basins and shifts are those of the chosen layer", async () => {
    for (const [layer, { basinCount, changePoints }] of dataOf(report).layers.entries()) {
      await page.locator("#layer").selectOption(String(layer));
      expect(await page.locator(".swatch").count()).toBe(basinCount);
      expect(await page.locator("#shifts tbody tr").count()).toBe(changePoints.length);
      expect(await page.locator(".token.shift").count()).toBe(changePoints.length);
    }
  });

  test("is as wide as a telephone, in the dark too, and complains of nothing", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });
});
