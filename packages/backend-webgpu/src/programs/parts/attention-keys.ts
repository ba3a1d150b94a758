/**
 * Which keys a query sees, and where they are. With N iterations the query in column t of the chunk sees, in this order:
 *
 *     index   0 … pastLength - 1      pastLength + u, for u < t div N     seen(t)
 *     key     the cache's             column u N + N - 1 of the chunk     its own, column t
 *
 * so that all queries of a head share the list up to their own place in it. A key's index is its position: within a window of W
 * positions a query sees the list from `seen(t) + 1 - W` on. The cache is a ring with position u in slot u mod capacity, and has gone
 * around before position `ringStart`, the last one but those of the chunk that lies in the first slot, or is the next to lie there.
 */
export const attentionUniforms = {
  time: "u32",
  heads: "u32",
  keyHeads: "u32",
  headDim: "u32",
  group: "u32",
  iterations: "u32",
  /** Larger than any number of positions where all of them are seen. */
  window: "u32",
  scale: "f32",
} as const;

/** The uniform for a kernel's attribute. */
export function windowUniform(window: number): number {
  return window === 0 ? 0xffff_ffff : window;
}

/** What programs are made for: heads of exactly 16, 32, 64 … dimensions, or of any number up to that. */
export interface HeadSize {
  readonly most: number;
  readonly isExact: boolean;
}

export function headSizeOf(headDim: number): HeadSize {
  let most = 16;
  while (most < headDim) most *= 2;
  return { most, isExact: most === headDim };
}

/** As a program's variant. */
export function headVariant({ most, isExact }: HeadSize): string {
  return `heads ${isExact ? "of" : "up to"} ${most}`;
}

/** Uniforms where there may be a cache. */
export const pastUniforms = { pastLength: "u32", capacity: "u32", ringStart: "u32" } as const;

/** Uniforms where a buffer `ahead` says how many more positions precede each row; `most` of them are counted. */
export const pastByRowUniforms = { pastLength: "u32", capacity: "u32", most: "u32" } as const;

/** What a program has before its chunk: nothing, as many positions in all rows, or in each row its own number. */
export type PastKind = "none" | "even" | "by row";

/** Of a row with a cache, in WGSL: how many positions precede the chunk, and where its ring begins. */
function pastNames(kind: PastKind): { readonly length: string; readonly ringStart: string } {
  return kind === "by row"
    ? { length: "rowPast", ringStart: "rowRingStart" }
    : { length: "uniforms.pastLength", ringStart: "uniforms.ringStart" };
}

/**
 * `batch` and `keyHead`, to be set first; `seen`, the number of keys before the query's own; `firstSeen`, the first of them; where a query's and a key's
 * entries start. Queries of one key head are rows t · group + g. Needs the attention uniforms.
 */
export function attentionPlaces(kind: PastKind): string {
  const { length, ringStart } = pastNames(kind);
  const past = kind === "none" ? "0u" : length;
  return `
var<private> batch: u32;
var<private> keyHead: u32;
${kind === "by row" ? ownPast : ""}

/** Of the query in column \`column\`: how many keys come before its own. */
fn seen(column: u32) -> u32 {
  return ${past} + column / uniforms.iterations;
}

/** The first key of the list that a query sees which has so many keys before its own. */
fn firstSeen(keys: u32) -> u32 {
  return keys + 1u - min(keys + 1u, uniforms.window);
}

/** The start of a query row. */
fn queryStart(row: u32) -> u32 {
  let head = keyHead * uniforms.group + row % uniforms.group;
  return ((batch * uniforms.time + row / uniforms.group) * uniforms.heads + head) * uniforms.headDim;
}

/** The start of the key, and of the value, in a column of the chunk. */
fn columnStart(column: u32) -> u32 {
  return ((batch * uniforms.time + column) * uniforms.keyHeads + keyHead) * uniforms.headDim;
}

/** The column of the chunk that key \`index\` of the list is in; not for a query's own. */
fn columnOf(index: u32) -> u32 {
  return (index - ${past}) * uniforms.iterations + uniforms.iterations - 1u;
}
${
  kind !== "none"
    ? `
/** The start of a position's key, and of its value, in the cache; within the ring also where it holds that position no more. */
fn pastStart(index: u32) -> u32 {
  var slot = index - ${ringStart};
  if (index < ${ringStart}) {
    slot = uniforms.capacity - min(${ringStart} - index, uniforms.capacity);
  }
  return ((batch * uniforms.capacity + slot) * uniforms.keyHeads + keyHead) * uniforms.headDim;
}
`
    : ""
}`;
}

/** To be set before a key is looked up: `rowPast` positions precede the row, and `rowRingStart` is as the uniform. */
const ownPast = `
var<private> rowPast: u32;
var<private> rowRingStart: u32;

/** Of an entry of the batch: how many positions precede it. */
fn pastOf(entry: u32) -> u32 {
  return min(u32(max(i32(uniforms.pastLength) + ahead[entry], 0)), uniforms.most);
}
`;

/** `fn <name>(index, i)`: entry i of a key or value of the list. */
export function listedEntry(name: string, chunk: string, past: string | undefined, kind: PastKind = "even"): string {
  return `
fn ${name}(index: u32, i: u32) -> f32 {
  ${past === undefined ? "" : `if (index < ${pastNames(kind).length}) {\n    return ${past}[pastStart(index) + i];\n  }`}
  return ${chunk}[columnStart(columnOf(index)) + i];
}
`;
}

/**
 * Statements over the entries of key or value `index` of the list, which is looked up once.
 *
 * @param loop the statements, given the buffer that it is in; entries start at `start`
 */
export function overListed(
  index: string,
  chunk: string,
  past: string | undefined,
  loop: (buffer: string) => string,
): string {
  const ofChunk = `{
      let start = columnStart(columnOf(${index}));
      ${loop(chunk)}
    }`;
  if (past === undefined) return ofChunk;
  return `if (${index} < uniforms.pastLength) {
      let start = pastStart(${index});
      ${loop(past)}
    } else ${ofChunk}`;
}
