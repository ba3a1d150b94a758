/** Tables in Markdown, their columns as wide as their widest cell, as the formatter would have them. */

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => width(row[column] ?? ""))));
  const line = (row: readonly string[]) =>
    `| ${widths.map((wide, column) => (row[column] ?? "") + " ".repeat(wide - width(row[column] ?? ""))).join(" | ")} |`;
  const rule = `| ${widths.map((wide) => "-".repeat(wide)).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [line(head), rule, ...body.map(line)].join("\n");
}

/** In characters, not in UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}
