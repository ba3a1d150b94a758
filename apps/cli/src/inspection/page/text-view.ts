/** The tokens as running text: the way through the positions with the keyboard. */
import type { InspectionData } from "../inspection-data.js";
import { basinColour, byId, element, visible } from "./elements.js";
import type { Selection } from "./selection.js";

export function textView({ positions, layers }: InspectionData, selection: Selection): void {
  const root = byId("text");
  const tokens = positions.map(({ text, isGenerated }, position) => {
    const token = element("button", {
      type: "button",
      className: isGenerated ? "token generated" : "token",
      textContent: visible(text),
      title: `position ${position}`,
      tabIndex: -1,
    });
    token.addEventListener("pointerenter", () => selection.pointAt(position));
    token.addEventListener("click", () => selection.choose({ position }));
    return token;
  });
  root.append(...wordsOf(tokens));
  root.addEventListener("pointerleave", () => selection.pointAt(undefined));
  root.addEventListener("keydown", (event) => {
    const { position } = selection.chosen;
    const next = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: positions.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    selection.choose({ position: next });
    tokens[selection.chosen.position]?.focus();
  });
  selection.show((shown, before) => {
    if (before?.layer !== shown.layer) {
      const { basinOf, changePoints } = layers[shown.layer] as InspectionData["layers"][0];
      for (const [position, token] of tokens.entries()) {
        token.style.setProperty("--basin", basinColour(basinOf[position] as number));
        token.classList.toggle("shift", changePoints.includes(position));
      }
    }
    for (const [position, token] of tokens.entries()) {
      if (position === shown.position) token.setAttribute("aria-current", "true");
      else token.removeAttribute("aria-current");
      token.tabIndex = position === selection.chosen.position ? 0 : -1;
    }
  });
}

/** Letters of a word at most, beyond which a line may break in it. */
const longestWord = 24;

/** Tokens that begin with white space begin a word; lines break between words. */
function wordsOf(tokens: readonly HTMLElement[]): HTMLElement[] {
  const words: HTMLElement[] = [];
  for (const token of tokens) {
    const before = words.at(-1);
    const letters = (before?.textContent.length ?? 0) + token.textContent.length;
    if (before === undefined || /^\s/.test(token.textContent) || letters > longestWord) {
      words.push(element("span", { className: "word" }, token));
    } else before.append(token);
  }
  return words;
}
