/**
 * A section of a Markdown file as something that can be followed: its steps, by subheading. What a block is, its language
 * and first line say: `sh` holds commands; `text` what the last of them prints, in parts; any other block is a file that
 * is named by its first line, a comment; and a `diff` changes such a file.
 */
import { readFileSync } from "node:fs";

export type Step =
  | { readonly kind: "run"; readonly command: string; readonly prints: readonly string[] }
  | { readonly kind: "write"; readonly file: string; readonly content: string }
  | { readonly kind: "change"; readonly file: string; readonly hunks: readonly Hunk[] };

export interface Hunk {
  readonly before: string;
  readonly after: string;
}

export interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** Stands for what a block leaves out, on a line of its own. */
const LEFT_OUT = "…";

export function readWalkThrough(file: string, heading: string): Section[] {
  const markdown = readFileSync(file, "utf8").replaceAll("\r\n", "\n");
  const [, section] = markdown.split(`\n## ${heading}\n`);
  if (section === undefined) throw new Error(`${file} has no section "${heading}"`);
  const parts = (section.split("\n## ")[0] as string).split("\n### ").slice(1);
  return parts.map((part) => ({ title: part.slice(0, part.indexOf("\n")), steps: stepsOf(part) }));
}

function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  for (const [, language = "", text = ""] of markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const lines = text.trimEnd().split("\n");
    if (language === "sh") {
      steps.push(...lines.map((command): Step => ({ kind: "run", command, prints: [] })));
    } else if (language === "text") {
      const last = steps.at(-1);
      if (last?.kind !== "run") throw new Error(`no command stands before the output:\n${text}`);
      const prints = lines.map((line) => line.trim()).filter((line) => line !== "" && line !== LEFT_OUT);
      steps[steps.length - 1] = { ...last, prints };
    } else if (language === "diff") {
      steps.push({ kind: "change", file: namedBy(lines[0]?.trim()), hunks: hunksOf(lines) });
    } else {
      steps.push({ kind: "write", file: namedBy(lines[0]), content: text });
    }
  }
  return steps;
}

function namedBy(firstLine: string | undefined): string {
  const [, file] = /^\/\/ (\S+)$/.exec(firstLine ?? "") ?? [];
  if (file === undefined) throw new Error(`a block should begin with the name of its file, but begins "${firstLine}"`);
  return file;
}

function hunksOf(lines: readonly string[]): Hunk[] {
  const hunks: string[][] = [[]];
  for (const line of lines) {
    if (line.trim() === LEFT_OUT) hunks.push([]);
    else hunks.at(-1)?.push(line);
  }
  const side = (hunk: readonly string[], hidden: string) =>
    hunk
      .filter((line) => line[0] !== hidden)
      .map((line) => `${line.slice(1)}\n`)
      .join("");
  return hunks.map((hunk) => ({ before: side(hunk, "+"), after: side(hunk, "-") }));
}

/** @throws where a hunk does not stand in the text exactly once */
export function change(text: string, hunks: readonly Hunk[]): string {
  return hunks.reduce((changed, { before, after }) => {
    const [head, tail, ...more] = changed.split(before);
    if (tail === undefined || more.length > 0) throw new Error(`not exactly once in the file:\n${before}`);
    return head + after + tail;
  }, text);
}

/** A line without what differs between machines and versions: figures, and how columns are aligned. */
export function shapeOf(line: string): string {
  return line
    .trim()
    .replace(/\d+(\.\d+)?(e[-+]?\d+)?/g, "#")
    .replace(/\s+/g, " ");
}
