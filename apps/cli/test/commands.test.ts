/** The commands from outside: what they print, what they refuse and how they end. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-cli-"));
const modelFolder = join(scratch, "s3");
const plainFolder = join(scratch, "plain");

beforeAll(async () => {
  const quick = ["--task", "s3", "--steps", "3", "--length", "6", "--batch-size", "4"];
  expect((await sst("train", ...quick, "--out", modelFolder)).code).toBe(0);
  expect((await sst("train", ...quick, "--out", plainFolder, "--stream-off")).code).toBe(0);
});

afterAll(() => rmSync(scratch, { recursive: true }));

/** It ends with code 1, prints nothing on standard output, and one line that says what is wrong. */
async function expectRefusal(pattern: RegExp, ...parameters: string[]): Promise<void> {
  const { code, stdout, stderr } = await sst(...parameters);
  expect(stderr).toMatch(pattern);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(
    stderr
      .trim()
      .split("\n")
      .filter((line) => line.startsWith("error:")),
  ).toHaveLength(1);
  expect(stderr).not.toMatch(/\n\s+at /);
}

describe("help", () => {
  test("every command explains itself", async () => {
    const { code, stdout } = await sst("--help");
    expect(code).toBe(0);
    for (const command of ["devices", "generate", "logits", "train", "cotrain", "eval"]) {
      expect(stdout).toContain(command);
      const help = await sst(command, "--help");
      expect(help.code).toBe(0);
      expect(help.stdout).toContain("--backend");
    }
  });

  test("an unknown command or option is refused", async () => {
    await expectRefusal(/unknown command 'fly'/, "fly");
    await expectRefusal(/unknown option '--fast'/, "devices", "--fast");
    await expectRefusal(/--model/, "generate", "--prompt", "x");
  });
});

describe("devices", () => {
  test("lists what there is", async () => {
    const { stdout } = await sst("devices", "--backend", "cpu", "--json");
    const { taken, because, devices } = JSON.parse(stdout);
    expect([taken, because]).toEqual(["cpu", "it was named"]);
    expect(devices.map(({ backend }: { backend: string }) => backend).sort()).toEqual(["cpu", "js", "webgpu"]);
    const cpu = devices.find(({ backend }: { backend: string }) => backend === "cpu");
    expect(cpu.live).toMatchObject({ bytesInUse: 0, isActive: true, capabilities: { dataTypes: expect.any(Array) } });
  });

  test("says in words which one it took, and what that can do", async () => {
    const { stdout } = await sst("devices", "--backend", "js");
    expect(stdout).toMatch(/^js is taken: it was named$/m);
    expect(stdout).toMatch(/^js\n {2}what it is +plain JavaScript\n.*^ {2}own kernels +none: compositions/ms);
    expect(stdout).toMatch(/^cpu\n {2}what it is +WebAssembly with (relaxed )?SIMD, (one thread|\d+ threads)$/m);
  });

  test("an unknown backend is refused with the known ones", async () => {
    await expectRefusal(/unknown backend "abacus".*cpu/, "devices", "--backend", "abacus");
  });
});

describe("a model that labels positions", () => {
  test("prints the label after each symbol", async () => {
    const { code, stdout } = await sst("generate", "--model", modelFolder, "--prompt", "132 213, 321");
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(lines.map(([symbol]) => symbol)).toEqual(["132", "213", "321"]);
    for (const [, label] of lines) expect(label).toMatch(/^[123]{3}$|^<s3>$/);
  });

  test("is evaluated, with iterations and without the stream too", async () => {
    for (const flags of [[], ["--iterations", "2"], ["--stream-off"], ["--solver", "layerwise", "--sweeps", "3"]]) {
      const { stdout } = await sst(
        "eval",
        "--model",
        modelFolder,
        "--task",
        "s3",
        "--length",
        "5",
        "--sequences",
        "300",
        "--json",
        ...flags,
      );
      const { sequences, byPosition, last } = JSON.parse(stdout);
      expect({ sequences, positions: byPosition.length }).toEqual({ sequences: 300, positions: 5 });
      expect(last).toBe(byPosition[4]);
    }
  });

  test("refuses what it does not know or do", async () => {
    const generate = ["generate", "--model", modelFolder, "--prompt"];
    await expectRefusal(/"999" is not a symbol.*123/, ...generate, "132 999");
    await expectRefusal(/prompt is empty/, ...generate, " ");
    await expectRefusal(/--max-new-tokens does not apply/, ...generate, "132", "--max-new-tokens", "3");
    await expectRefusal(/unknown task "s4"/, "eval", "--model", modelFolder, "--task", "s4");
    await expectRefusal(/not a symbol of this model/, "eval", "--model", modelFolder, "--task", "sum5");
  });
});

describe("--quantize", () => {
  const logits = async (...parameters: string[]) => {
    const { stdout } = await sst("logits", "--model", modelFolder, "--tokens", "0,1,2", ...parameters);
    return (JSON.parse(stdout).logits as number[][][]).flat(2);
  };

  test("rounds the model: other logits, nearer with more bits, and the labels come as ever", async () => {
    const exact = await logits();
    const errors = await Promise.all(
      ["f16", "int8", "int4"].map(async (format) => {
        const rounded = await logits("--quantize", format);
        return Math.max(...rounded.map((value, index) => Math.abs(value - (exact[index] as number))));
      }),
    );
    expect(errors.toSorted((left, right) => left - right)).toEqual(errors);
    expect(errors[0]).toBeGreaterThan(0);
    const labelled = await sst("generate", "--model", modelFolder, "--prompt", "132 213", "--quantize", "int8");
    expect(labelled.stdout.trim().split("\n")).toHaveLength(2);
  });

  test("other formats are refused, and so are gradients of what is packed", async () => {
    await expectRefusal(
      /--quantize.*int3.*f16, int8, int4/,
      "generate",
      "--model",
      modelFolder,
      "--prompt",
      "x",
      "--quantize",
      "int3",
    );
    const packed = ["logits", "--model", modelFolder, "--tokens", "0,1", "--quantize", "int8", "--loss-and-gradients"];
    await expectRefusal(/cannot be trained or replaced, since .* packed/, ...packed);
  });

  test("with --activations int8 rounds what is multiplied too, beside whole numbers alone", async () => {
    const floats = await logits("--quantize", "int4");
    const rounded = await logits("--quantize", "int4", "--activations", "int8");
    const size = Math.max(...floats.map(Math.abs));
    const error = Math.max(...rounded.map((value, index) => Math.abs(value - (floats[index] as number)))) / size;
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.1);
    const model = ["logits", "--model", modelFolder, "--tokens", "0,1"];
    await expectRefusal(/int8 or int4, and these are not packed/, ...model, "--activations", "int8");
    await expectRefusal(/these are in f16/, ...model, "--quantize", "f16", "--activations", "int8");
  });
});

describe("logits", () => {
  const logits = (tokens: string, ...flags: string[]) => [
    "logits",
    "--model",
    modelFolder,
    "--tokens",
    tokens,
    ...flags,
  ];

  test("gives the residual with a parallel solver", async () => {
    const { stdout } = await sst(...logits("0,1,2", "--solver", "two-pass"));
    const { logits: values, residual } = JSON.parse(stdout);
    expect([values.length, values[0].length, values[0][0].length]).toEqual([1, 3, 7]);
    expect(residual).toHaveLength(2);
  });

  test("refuses contradictions", async () => {
    await expectRefusal(/one length.*row 2 has 1/, ...logits("0,1;2"));
    await expectRefusal(/rows of one token/, ...logits("0;1", "--loss-and-gradients"));
    await expectRefusal(/iterations.*switched on/, ...logits("0,1", "--iterations", "2", "--stream-off"));
    const plain = ["logits", "--model", plainFolder, "--tokens", "0,1"];
    await expectRefusal(/no state stream/, ...plain, "--iterations", "2");
    await expectRefusal(/no state stream/, ...plain, "--solver", "sequential");
  });

  test("refuses tokens that are none", async () => {
    await expectRefusal(/token 7 is not one of the model's 7/, ...logits("0,7"));
    await expectRefusal(/"x" is not a token number/, ...logits("0,x"));
    await expectRefusal(/"" is not a token number/, ...logits(""));
  });
});

describe("bad input", () => {
  test("a folder without a model", async () => {
    await expectRefusal(/no folder/, "generate", "--model", join(scratch, "nowhere"), "--prompt", "x");
    await expectRefusal(/no model/, "generate", "--model", scratch, "--prompt", "x");
  });

  test("an output folder that exists or cannot be written, before any training", async () => {
    const train = ["train", "--task", "parity", "--steps", "100000"];
    await expectRefusal(/exists already.*--overwrite/, ...train, "--out", modelFolder);
    writeFileSync(join(scratch, "file"), "");
    await expectRefusal(/cannot be written/, ...train, "--out", join(scratch, "file", "model"));
    await expectRefusal(/is a file/, ...train, "--out", join(scratch, "file"));
    expect(readdirSync(scratch).filter((name) => name.includes("partial"))).toEqual([]);
  });

  test("numbers out of range", async () => {
    await expectRefusal(/--steps/, "train", "--task", "parity", "--steps", "0");
    await expectRefusal(/--top-p/, "generate", "--model", modelFolder, "--prompt", "132", "--top-p", "2");
    await expectRefusal(/alpha-min.*alpha-max/, "train", "--task", "parity", "--alpha-min", "0.5");
    await expectRefusal(/multiple of 8/, "train", "--task", "parity", "--hidden-size", "12");
  });

  test("training that diverges stops, and saves the last good model", async () => {
    const out = join(scratch, "diverged");
    await expectRefusal(
      /stopped at step \d+.*not finite.*saved in .*diverged/,
      ..."train --task parity --steps 60 --length 6 --batch-size 4 --learning-rate 1e30 --out".split(" "),
      out,
    );
    // Loading refuses what is not finite.
    expect((await sst("generate", "--model", out, "--prompt", "1 0 1")).code).toBe(0);
  });
});
