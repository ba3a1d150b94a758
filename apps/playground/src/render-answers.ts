/** The table of answers: a column per position, a row per model, mistakes marked by sign and colour. */
import type { Answers } from "./protocol.js";

export function renderAnswers({ symbols, expected, stream, plain }: Answers): HTMLElement {
  const scroller = document.createElement("div");
  scroller.className = "scroller";
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", "Table of answers, scrolls sideways");
  const table = document.createElement("table");
  const positions = symbols.map((_, index) => String(index + 1));
  table.append(
    row("position", positions, "position"),
    row("symbol", symbols, "symbol"),
    row("right answer", expected, "expected"),
    answerRow("state stream", stream, expected, "stream"),
    answerRow("plain transformer", plain, expected, "plain"),
  );
  scroller.append(table);
  return scroller;
}

function row(title: string, cells: readonly string[], kind: string): HTMLTableRowElement {
  const line = document.createElement("tr");
  line.dataset.row = kind;
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = title;
  line.append(head, ...cells.map((text) => cell(text)));
  return line;
}

function answerRow(
  title: string,
  answers: readonly string[],
  expected: readonly string[],
  kind: string,
): HTMLTableRowElement {
  const right = answers.filter((answer, index) => answer === expected[index]).length;
  const line = row(`${title}: ${right} of ${answers.length} right`, [], kind);
  line.dataset.right = String(right);
  for (const [index, answer] of answers.entries()) {
    const isRight = answer === expected[index];
    const entry = cell(answer);
    entry.className = isRight ? "right" : "wrong";
    const mark = document.createElement("span");
    mark.textContent = isRight ? "✓" : "✗";
    mark.setAttribute("aria-label", isRight ? "right" : "wrong");
    entry.append(mark);
    line.append(entry);
  }
  return line;
}

function cell(text: string): HTMLTableCellElement {
  const entry = document.createElement("td");
  entry.textContent = text;
  return entry;
}
