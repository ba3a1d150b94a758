/** Numbers in texts. */

/** The last number of a text, without thousands' commas; undefined where there is none. */
export function lastNumber(text: string): string | undefined {
  return text.match(number)?.at(-1)?.replaceAll(",", "");
}

/** The number after the last `####`, else undefined. */
export function markedNumber(text: string): string | undefined {
  const mark = text.lastIndexOf("####");
  return mark < 0 ? undefined : text.slice(mark).match(number)?.[0].replaceAll(",", "");
}

/** Whether two numbers are the same but for how they are written and for rounding. */
export function sameNumber(left: string, right: string): boolean {
  const [a, b] = [Number(left), Number(right)];
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
}

/** A sign belongs to a number only where no other number or word stands before it, as in 5-3. */
const number =
  /(?<![\w.)])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/g;
