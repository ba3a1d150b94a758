/** The page that says how exact every kernel is on every backend, from what the conformance suites reported. */

const introduction = `# Conformance

How far each kernel is from what is right, on each backend: the largest error over all cases, relative to the largest entry of the
output, beside the largest that the kernel's definition allows. Right is what a float64 oracle in plain loops says, for gradients
central differences of that oracle. _own_ is an implementation of the backend's own, _ref_ the kernel's reference, a composition of
basic operations; the number of cases stands in brackets. The same suite also tries extreme values, NaN and infinity, aliases, many
kernels in flight, a recorded plan, and whether anything is left behind. Made by \`npm run conformance\`.
`;

/** @typedef {{ backend: string, device: string, project: string, rows: { kernel: string, cases: number, worstError: number, tolerance: number, implementation: string }[] }} Report */

/** @param {readonly Report[]} reports @returns {string} Markdown */
export function conformancePage(reports) {
  const columns = [...reports].sort((left, right) => titleOf(left).localeCompare(titleOf(right)));
  const kernels = [...new Set(columns.flatMap(({ rows }) => rows.map(({ kernel }) => kernel)))];
  const table = [
    ["kernel", "allowed", ...columns.map(titleOf)],
    ["---", "---", ...columns.map(() => "---")],
    ...kernels.map((kernel) => {
      const rows = columns.map((report) => report.rows.find((row) => row.kernel === kernel));
      const tolerances = new Set(rows.flatMap((row) => (row ? [figure(row.tolerance)] : [])));
      return [kernel, [...tolerances].join(", "), ...rows.map(cellOf)];
    }),
  ];
  const devices = columns.map((report) => `- ${titleOf(report)}: ${report.device}`);
  return `${introduction}\n${aligned(table)}\n\n${devices.join("\n")}\n`;
}

function titleOf({ backend, device, project }) {
  return [backend, placeOf(device, project)].filter((word) => word !== "").join(", ");
}

/** Where a backend has several suites, which one this is. Vitest adds the browser to a browser project's name. */
function placeOf(device, project) {
  if (device.includes("no WebAssembly")) return "without WebAssembly";
  if (project.startsWith("chromium")) return "Chromium";
  return project === "node" ? "Node" : "";
}

function cellOf(row) {
  if (row === undefined) return "–";
  return `${figure(row.worstError)} ${row.implementation === "own" ? "own" : "ref"} (${row.cases})`;
}

function figure(value) {
  return value === 0 ? "0" : value.toExponential(1);
}

/** Columns as wide as their widest cell, as the formatter would have them. */
function aligned(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const cell = (text, column) => (text === "---" ? "-".repeat(widths[column]) : text.padEnd(widths[column]));
  return table.map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}
