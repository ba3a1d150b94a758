/** The built page in Chromium, on WebGPU and on WebAssembly. */
import { join } from "node:path";
import { chromiumFlags, chromiumPath, describeWhere } from "@sst/vitest-config/helpers";
import { type Browser, chromium, type Page } from "playwright-core";
import { type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** After each permutation, where 1, 2 and 3 have gone: followed point by point. */
function products(symbols: string[]): string[] {
  const image = (names: string[], point: number) => names.reduceRight((at, name) => Number(name[at - 1]), point);
  return symbols.map((_, end) => [1, 2, 3].map((point) => image(symbols.slice(0, end + 1), point)).join(""));
}

const executablePath = chromiumPath();

describeWhere(executablePath, "no Chromium here (SST_CHROMIUM names one)", "the page", () => {
  let server: PreviewServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await preview({ root: join(import.meta.dirname, ".."), preview: { port: 0, host: "127.0.0.1" } });
    browser = await chromium.launch({ executablePath: executablePath as string, args: [...chromiumFlags] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  for (const backend of ["webgpu", "cpu"]) {
    describe(`on ${backend}`, () => {
      let page: Page;
      const complaints: string[] = [];

      beforeAll(async () => {
        page = await browser.newPage();
        page.on("pageerror", (error) => complaints.push(error.message));
        page.on("console", (message) => {
          if (message.type() === "error") complaints.push(message.text());
        });
        const address = server.resolvedUrls?.local[0] as string;
        await page.goto(`${address}?backend=${backend}`);
        await page.locator('[data-row="stream"]').waitFor({ timeout: 90_000 });
      }, 120_000);

      afterAll(() => page?.close());

      const cells = (row: string) =>
        page
          .locator(`[data-row="${row}"] td`)
          .evaluateAll((found) => found.map((each) => each.firstChild?.textContent));

      async function run(sequence: string): Promise<void> {
        await page.locator("#sequence").fill(sequence);
        await page.getByRole("button", { name: "Run" }).click();
        const count = sequence.split(" ").length;
        await page.getByText(new RegExp(`: ${count} symbols in`)).waitFor();
      }

      test("says what it runs on", async () => {
        expect(await page.locator("#status").textContent()).toContain(`Running on ${backend}`);
      });

      test("the stream is right at every position, the plain transformer is not", async () => {
        const symbols = "213 132 231 312 321 213 213 132 123 312 231 321 132 213".split(" ");
        await run(symbols.join(" "));
        expect(await cells("symbol")).toEqual(symbols);
        expect(await cells("expected")).toEqual(products(symbols));
        expect(await cells("stream")).toEqual(products(symbols));
        expect(Number(await page.locator('[data-row="plain"]').getAttribute("data-right"))).toBeLessThan(
          symbols.length,
        );
        expect(await page.locator('[data-row="stream"] .wrong').count()).toBe(0);
      });

      test("two iterations apply every symbol twice", async () => {
        const symbols = "213 132 231 312 321".split(" ");
        await run(symbols.join(" "));
        await page.getByLabel("Iterations at every position").selectOption("2");
        await page.locator('[data-row="stream"] .wrong').first().waitFor();
        const twice = symbols.flatMap((symbol) => [symbol, symbol]);
        expect(await cells("stream")).toEqual(products(twice).filter((_, index) => index % 2 === 1));
        await page.getByLabel("Iterations at every position").selectOption("1");
      });

      test("a random sequence has the length asked for", async () => {
        await page.getByLabel("Random sequence of").fill("9");
        await page.getByRole("button", { name: "Draw" }).click();
        await page.getByText(/: 9 symbols in/).waitFor();
        expect(await cells("symbol")).toHaveLength(9);
      });

      test("an unknown symbol and an empty sequence are said in words", async () => {
        await page.locator("#sequence").fill("213 999");
        await page.locator("#sequence").press("Enter");
        await page.getByText('"999" is not a symbol of this model').waitFor();
        await page.locator("#sequence").fill(" ");
        await page.locator("#sequence").press("Enter");
        await page.getByText("the prompt is empty").waitFor();
        await run("213");
        expect(await page.locator("#error").isHidden()).toBe(true);
      });

      test("nothing was complained about on the console", () => {
        expect(complaints).toEqual([]);
      });
    });
  }
});
