/** "Add a backend" in CONTRIBUTING.md, followed word by word in an empty folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { Follower } from "../src/follow.js";
import { copies, lookedUp } from "../src/lockfile.js";
import { readWalkThrough } from "../src/walk-through.js";
import { workspaceRoot } from "../src/workspace.js";

const sections = readWalkThrough(join(workspaceRoot, "CONTRIBUTING.md"), "Add a backend");
const follower = new Follower(inject("packed"));

/** A program without its comments. */
const bare = (code: string) => code.replace(/\/\*[\s\S]*?\*\/\n|^\s*\/\/.*\n/gm, "");

describe("the walk-through", () => {
  for (const section of sections) test(section.title, () => follower.follow(section));

  test("its plugin is @sst/backend-js under another name", () => {
    const written = sections.flatMap(({ steps }) => steps).find((step) => step.kind === "write");
    const template = readFileSync(join(workspaceRoot, "packages/backend-js/src/index.ts"), "utf8");
    const renamed = template.replaceAll("jsBackend", "myBackend").replace('name: "js"', 'name: "mine"');
    expect(written).toMatchObject({ file: "plugin.ts" });
    expect(bare(written?.content ?? "").trim()).toBe(bare(renamed).trim());
  });

  test("everything of ours came from the tarballs, and TensorFlow.js is there once", () => {
    expect(lookedUp(follower.folder, "@sst")).toEqual([]);
    expect(copies(follower.folder, "@tensorflow/tfjs-core")).toBe(1);
  });

  test("the suite passes, with the kernel of one's own and no other as own", () => {
    const output = follower.outputOf("vitest run --testTimeout");
    const rows = output.matchAll(/^(\w+(?:, gradient)?) +\d+ +\S+ +\S+ +(own|reference)$/gm);
    const implementations = Object.fromEntries([...rows].map(([, kernel, implementation]) => [kernel, implementation]));
    expect(Object.keys(implementations).length).toBeGreaterThan(12);
    const own = Object.keys(implementations).filter((kernel) => implementations[kernel] === "own");
    expect(own).toEqual(["gatedActivation"]);
    expect(output).toMatch(/Tests +(\d+) passed \(\1\)/);
  });

  test("a model trained on it tracks the state far above chance", () => {
    const [, accuracy] = /last answer: ([\d.]+)/.exec(follower.outputOf("train.ts")) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(0.9);
  });
});
