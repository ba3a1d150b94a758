/** Writes `docs/conformance.md` from the reports in the folder that is given. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { conformancePage } from "./conformance-page.mjs";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: main.mjs FOLDER, where SST_CONFORMANCE_DIR of the test runs was");
  process.exit(1);
}
const reports = readdirSync(folder).flatMap((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
if (reports.length === 0) {
  console.error(`no conformance suite has left a report in ${folder}`);
  process.exit(1);
}
const page = resolve(import.meta.dirname, "../../../docs/conformance.md");
writeFileSync(page, conformancePage(reports));
console.log(`${page}: ${reports.length} suites`);
