/**
 * Keys that an object of a JSON text has twice. `JSON.parse` takes the last one and says nothing, so that two readers of one
 * file may see two different things.
 */

/** @param text that `JSON.parse` has taken @returns the first key that comes again in its object */
export function duplicateKey(text: string): string | undefined {
  // The keys of the objects that are open, undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let keyComes = false;
  for (let position = 0; position < text.length; position++) {
    switch (text[position]) {
      case "{":
        open.push(new Set());
        keyComes = true;
        break;
      case "[":
        open.push(undefined);
        keyComes = false;
        break;
      case "}":
      case "]":
        open.pop();
        keyComes = false;
        break;
      case ",":
        keyComes = open.at(-1) !== undefined;
        break;
      case '"': {
        const end = endOfString(text, position);
        if (keyComes) {
          const keys = open.at(-1) as Set<string>;
          // One key may be written in several ways, with escapes and without.
          const key: string = JSON.parse(text.slice(position, end));
          if (keys.has(key)) return key;
          keys.add(key);
        }
        keyComes = false;
        position = end - 1;
      }
    }
  }
  return undefined;
}

/** The position behind the quotation mark that ends a string. */
function endOfString(text: string, begin: number): number {
  let position = begin + 1;
  while (text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
  return position + 1;
}
