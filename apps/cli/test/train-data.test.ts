/** Training on data of the user's own: conversations, pairs and plain texts; interrupted within a file and resumed. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const data = sharedData() as string;
const scratch = mkdtempSync(join(tmpdir(), "sst-data-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describeWhere(data, "no real data here (SST_DATA_DIR)", "sst train on data of one's own", () => {
  /** The story model with a chat template beside it. */
  const model = join(scratch, "model");
  const small = ["--length", "48", "--batch-size", "2", "--learning-rate", "1e-2", "--backend", "cpu", "--json"];
  const path = (name: string) => join(scratch, name);

  const conversations = Array.from({ length: 40 }, (_, n) => ({
    messages: [
      { role: "user", content: `Say ${n % 7}` },
      { role: "assistant", content: `So: ${n % 7}!` },
      { role: "user", content: "And?" },
      { role: "assistant", content: "No." },
    ],
  }));

  function write(name: string, records: readonly object[]): string {
    writeFileSync(path(name), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    return path(name);
  }

  beforeAll(() => {
    cpSync(join(data ?? "", "stories260K"), model, { recursive: true });
    const turns = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    writeFileSync(
      join(model, "chat_template.jinja"),
      `${turns}{% if add_generation_prompt %}assistant: {% endif %}{% if false %}{{ strftime_now('%d') }}{% endif %}`,
    );
    write("chat.jsonl", conversations);
    mkdirSync(path("texts"));
    for (const name of ["b.txt", "a.txt"])
      writeFileSync(join(path("texts"), name), `Once there was ${name}. `.repeat(400));
  });

  const kinds: [string, () => string, string[]][] = [
    ["conversations", () => path("chat.jsonl"), ["--pack", "--date", "2026-01-31"]],
    [
      "pairs of prompt and completion",
      () =>
        write(
          "pairs.jsonl",
          Array.from({ length: 30 }, () => ({ prompt: "1, 2,", completion: " 3" })),
        ),
      [],
    ],
    ["a folder of texts", () => path("texts"), ["--pack"]],
    ["one text", () => join(path("texts"), "a.txt"), ["--eval-data", join(path("texts"), "b.txt")]],
  ];
  test.each(kinds)(
    "%s: the loss falls, and what is saved has the template",
    { timeout: 120_000 },
    async (kind, file, options) => {
      const lossAfter = async (steps: string) => {
        const out = path(`${kind} ${steps}`);
        const parameters = [
          "train",
          "--model",
          model,
          "--data",
          file(),
          ...small,
          ...options,
          "--steps",
          steps,
          "--out",
          out,
        ];
        const { code, stderr, stdout } = await sst(...parameters);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(readdirSync(out)).toEqual(expect.arrayContaining(["adapter_model.safetensors", "chat_template.jinja"]));
        return JSON.parse(stdout).evaluation as { loss: number; labels: number };
      };
      const [short, long] = [await lossAfter("1"), await lossAfter("20")];
      expect(long.loss).toBeLessThan(0.9 * short.loss);
      // Of four conversations that are held out the assistant's tokens alone are asked for.
      if (kind === "conversations") expect(long.labels / 4).toBeLessThan(16);
    },
  );

  test("interrupted in the middle of a file, resumed, and equal to the bit", async () => {
    const parameters = [
      "train",
      "--model",
      model,
      "--data",
      path("chat.jsonl"),
      ...small,
      "--pack",
      "--date",
      "2026-01-31",
    ];
    const run = ["--steps", "9", "--checkpoint-every", "4", "--keep-checkpoints", "5"];
    const whole = await sst(...parameters, ...run, "--run", path("whole"));
    expect(whole).toMatchObject({ code: 0 });
    // The run as it was after four steps: its later checkpoints are gone.
    const half = join(path("half"), "checkpoints");
    cpSync(path("whole"), path("half"), { recursive: true });
    for (const name of readdirSync(half)) if (!/step-0*4\b/.test(name)) rmSync(join(half, name));
    expect(readdirSync(half)).toHaveLength(1);
    const resumed = await sst(...parameters, ...run, "--run", path("half"), "--resume");
    expect(resumed).toMatchObject({ code: 0 });
    const result = ({ stdout }: { stdout: string }) => JSON.parse(stdout).evaluation;
    expect(result(resumed)).toEqual(result(whole));
    const last = readdirSync(half).sort().at(-1) as string;
    expect(readFileSync(join(half, last)).equals(readFileSync(join(path("whole"), "checkpoints", last)))).toBe(true);
    const otherDay = await sst(...parameters.slice(0, -1), "2026-02-01", ...run, "--run", path("half"), "--resume");
    expect(otherDay).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/date was "Sat Jan 31 2026", but this run has/),
    });
    writeFileSync(path("chat.jsonl"), readFileSync(path("chat.jsonl"), "utf8").replace("So: 1!", "So: 9!"));
    const changed = await sst(...parameters, ...run, "--run", path("half"), "--resume");
    expect(changed).toMatchObject({ code: 1, stderr: expect.stringMatching(/file \d+ \(chat\.jsonl\) was/) });
    write("chat.jsonl", conversations);
  }, 120_000);

  test("what is wrong is said before anything is trained", async () => {
    const refused = async (pattern: RegExp, file: string, ...parameters: string[]) => {
      const { code, stdout, stderr } = await sst("train", "--model", model, "--data", file, ...small, ...parameters);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(pattern);
    };
    await refused(
      /bad\.jsonl, line 2 has the fields "a", but should have/,
      write("bad.jsonl", [{ text: "x" }, { a: 1 }]),
    );
    await refused(/--answers-only is for questions/, path("texts"), "--answers-only");
    await refused(/one\.jsonl can be cut into 1 part to train on: too few/, write("one.jsonl", [{ text: "x" }]));
    mkdirSync(path("empty"));
    await refused(/holds no text \(\*\.txt\)/, path("empty"));
    await refused(/should be a day such as/, path("texts"), "--date", "2026-02-30");
    const plain = join(data, "stories260K");
    const { code, stderr } = await sst("train", "--model", plain, "--data", path("chat.jsonl"), ...small);
    expect(code).toBe(1);
    expect(stderr).toMatch(/chat\.jsonl, line 1: .*chat template.*chat_template\.jinja/);
  }, 60_000);
});
