/** The report of the main experiment: one self-contained page. */
import type { Results } from "../results.js";
import { renderPage } from "./page.js";

/** A whole HTML document that needs no network and no other file. */
export function renderReport(results: Results): string {
  return renderPage(results);
}
