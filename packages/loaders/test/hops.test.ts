/** k-hop: every answer by walking through the table as it is written. */
import { HopTask, hopBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";

/** The table of a sequence from its names. */
function tableOf(form: "packed" | "tokens", names: readonly string[], entries: number): Map<string, string> {
  const written = names.slice(1, 1 + (form === "packed" ? entries : 2 * entries)).join("");
  const pairs = [...written.matchAll(/(n\d+)(n\d+)/g)].map(([, from, to]): [string, string] => [
    from as string,
    to as string,
  ]);
  return new Map(pairs);
}

function walk(table: Map<string, string>, start: string, hops: number): string {
  let node = start;
  for (let hop = 0; hop < hops; hop++) node = table.get(node) as string;
  return node;
}

for (const form of ["packed", "tokens"] as const) {
  describe(form, () => {
    const task = new HopTask({ nodes: 6, hops: 5, form });
    const nameOf = (token: number) => task.vocabulary.decode(token);

    test("the table is a permutation, and the path follows it", () => {
      for (let seed = 0; seed < 20; seed++) {
        const { tokens, queries } = task.sample(new Random(seed), [1, 4], 6);
        const names = tokens.map(nameOf);
        expect(tokens).toHaveLength(task.time(6, 2));
        expect(names[0]).toBe(task.vocabulary.startName);
        const table = tableOf(form, names, 6);
        expect(table.size).toBe(6);
        expect(new Set(table.values())).toEqual(new Set(table.keys()));
        for (const [index, { hops, path }] of queries.entries()) {
          const at = names.length - 4 + 2 * index;
          expect(names[at]).toBe(`+${hops}`);
          const start = names[at + 1] as string;
          expect(path.map(nameOf)).toEqual(Array.from({ length: hops + 1 }, (_, count) => walk(table, start, count)));
        }
      }
    });

    test("batches: the last answer, its stages, and some of the nodes", () => {
      const options = { seed: 3, split: "train", index: 1, batchSize: 8, from: 2, to: 5, entries: 4 } as const;
      const batch = hopBatch(task, options);
      expect(batch.stagedLabels).toHaveLength(5);
      expect(new Set(batch.hops).size).toBeGreaterThan(1);
      batch.hops.forEach((hops, row) => {
        const of = (values: Int32Array) => Array.from(values.subarray(row * batch.time, (row + 1) * batch.time));
        const names = of(batch.tokens).map(nameOf);
        const table = tableOf(form, names, 4);
        const start = names.at(-1) as string;
        expect(nameOf(of(batch.labels).at(-1) as number)).toBe(walk(table, start, hops));
        for (const [index, stage] of batch.stagedLabels.entries()) {
          expect(nameOf(of(stage).at(-1) as number)).toBe(walk(table, start, Math.min(index + 1, hops)));
        }
        for (const values of [batch.labels, ...batch.stagedLabels]) {
          expect(
            of(values)
              .slice(0, -1)
              .every((label) => label === -1),
          ).toBe(true);
        }
      });
      expect(hopBatch(task, options)).toEqual(batch);
      expect(hopBatch(task, { ...options, split: "test" }).tokens).not.toEqual(batch.tokens);
    });
  });
}

test("in tokens, each entry's second token may be asked for its first", () => {
  const task = new HopTask({ nodes: 5, hops: 2, form: "tokens" });
  const options = {
    seed: 0,
    split: "train",
    index: 0,
    batchSize: 2,
    from: 1,
    to: 2,
    queries: 2,
    asksBack: true,
  } as const;
  const { tokens, labels, time } = hopBatch(task, options);
  const asked = Array.from(labels.subarray(0, time)).flatMap((label, position) => (label >= 0 ? [position] : []));
  expect(asked).toEqual([2, 4, 6, 8, 10, 12, 14]);
  for (const position of asked.slice(0, 5)) expect(labels[position]).toBe(tokens[position - 1]);
});

test("a packed entry has nothing to ask back", () => {
  const task = new HopTask({ nodes: 5, hops: 2, form: "packed" });
  const options = { seed: 0, split: "train", index: 0, batchSize: 2, from: 1, to: 2, asksBack: true } as const;
  expect(() => hopBatch(task, options)).toThrowError(expect.objectContaining({ code: "contradiction" }));
});

test("what is no task is refused", () => {
  for (const options of [
    { nodes: 1, hops: 1 },
    { nodes: 4, hops: 0 },
    { nodes: 4.5, hops: 1 },
  ]) {
    expect(() => new HopTask({ ...options, form: "packed" })).toThrowError(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  }
});
