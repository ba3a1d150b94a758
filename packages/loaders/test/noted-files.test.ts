/** A file that changes while it is in use is noticed; one that is only touched is not made a fuss of. */
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noteFiles, requireUnchanged } from "@sst/loaders";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sst-noted-"));
  await writeFile(join(folder, "train.jsonl"), "one\n");
  await writeFile(join(folder, "test.jsonl"), "two\n");
});
afterEach(() => rm(folder, { recursive: true }));

test("the hash is that of the bytes", async () => {
  const [noted] = await noteFiles(join(folder, "train.jsonl"));
  // echo one | sha256sum
  expect(noted?.sha256).toBe("2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806");
  await expect(noteFiles(join(folder, "nowhere"))).rejects.toMatchObject({ code: "file-not-found" });
});

test("as it was, or touched", async () => {
  const noted = await noteFiles(folder);
  expect(noted).toHaveLength(2);
  await requireUnchanged(noted);
  await utimes(join(folder, "train.jsonl"), new Date(), new Date(Date.now() + 5000));
  await requireUnchanged(noted);
});

const changes: Record<string, () => Promise<void>> = {
  "other bytes of the same length": async () => {
    await writeFile(join(folder, "train.jsonl"), "six\n");
    await utimes(join(folder, "train.jsonl"), new Date(), new Date(Date.now() + 5000));
  },
  "more bytes": async () => writeFile(join(folder, "train.jsonl"), `${await readFile(join(folder, "train.jsonl"))}more\n`),
  "no bytes": () => writeFile(join(folder, "train.jsonl"), ""),
  gone: () => rm(join(folder, "train.jsonl")),
};
for (const [what, change] of Object.entries(changes)) {
  test(what, async () => {
    const noted = await noteFiles(folder);
    await change();
    await expect(requireUnchanged(noted)).rejects.toMatchObject({ code: "file-changed", message: /train\.jsonl/ });
  });
}
