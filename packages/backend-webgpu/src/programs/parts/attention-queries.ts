/** Tiles of sixteen queries of a key head that walk over the list of keys: what the programs that own queries share. */
import type { HeadSize } from "./attention-keys.js";
import { ownTile, TILE, tileProduct } from "./attention-tiles.js";

/** Products of the rows of a buffer with the entries of the list. */
export interface QueryProducts {
  /** Of the function (see `tileProduct`). */
  readonly name: string;
  /** A buffer with a row for each query. */
  readonly rows: string;
  /** A function that gives the entries of the list (see `listedEntry`). */
  readonly entry: string;
}

/** The functions, and what they may read. Needs the attention uniforms and places. */
export function queryProducts(head: HeadSize, products: readonly QueryProducts[]): string {
  const functions = products.map(({ name, rows, entry }) =>
    tileProduct(
      name,
      head,
      `if (row < rowCount) {\n    return ${rows}[queryStart(row) + i];\n  }\n  return 0.0;`,
      `if (row < keyCount) {\n    return ${entry}(row, i);\n  }\n  return 0.0;`,
    ),
  );
  return `
/** Rows of the key head, and keys of the tile's last query: what the entries of a tile may be read of. */
var<private> rowCount: u32;
var<private> keyCount: u32;
${functions.join("\n")}`;
}

/**
 * Starts `run`: the tile's list, from which tile of keys on it is seen, and of the thread's query its start, its first key, the end of
 * its keys and where its own key starts.
 */
export const ownQueryTile = `
  let rows = uniforms.time * uniforms.group;
  ${ownTile("rows")}
  let listLength = seen((min(firstRow + ${TILE}u, rows) - 1u) / uniforms.group);
  let listStart = firstSeen(seen(firstRow / uniforms.group)) / ${TILE}u * ${TILE}u;
  rowCount = rows;
  keyCount = listLength;
  let row = min(firstRow + slot, rows - 1u);
  let query = queryStart(row);
  let keys = seen(row / uniforms.group);
  let firstKey = firstSeen(keys);
  let own = columnStart(row / uniforms.group);`;

/** Within a tile of keys, which ones the thread's query sees: from `begin` up to `count`. */
export const keysOfTile = `
    let count = min(${TILE}u, max(keys, tile) - tile);
    let begin = max(firstKey, tile) - tile;`;
