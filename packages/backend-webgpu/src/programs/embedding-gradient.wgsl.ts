/**
 * Two programs over a table of zeros. A row of the table is written from the position where its token stands first; the
 * other positions leave. So the work grows with the text and not with the vocabulary, and nobody shares a row.
 *
 *     tokens     7   2   7   5   7
 *     links      ●──────▶●──────▶●      thread: one position, whether its token stands before it, and where next
 *                    ●       ●
 *     rows       row 7: dy[0] + dy[2] + dy[4]      thread: one column of one first position, along its links
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** `links[2 p]` is 1 where position p is its token's first, `links[2 p + 1]` its next position, or `count`. */
export const embeddingLinksProgram = defineProgram({
  name: "embeddingGradient/links",
  buffers: { tokens: "in i32", links: "out i32" },
  uniforms: { count: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let token = tokens[index];
  var before = 0u;
  while (before < index && tokens[before] != token) {
    before++;
  }
  var next = index + 1u;
  while (next < uniforms.count && tokens[next] != token) {
    next++;
  }
  links[2u * index] = select(0, 1, before == index);
  links[2u * index + 1u] = i32(next);
}
`,
});

/** Positions that are added up by themselves, so that a long sum stays exact. */
const STRETCH = 64;

/** `dTable[token] = Σ dy[p]` over the positions p where it stands; rows that no token asks for are left as they are. */
export const embeddingRowsProgram = defineProgram({
  name: "embeddingGradient/rows",
  buffers: { dy: "in f32", tokens: "in i32", links: "in i32", dTable: "out f32" },
  uniforms: { count: "u32", positions: "u32", size: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let first = index / uniforms.size;
  let column = index % uniforms.size;
  if (links[2u * first] == 0) {
    return;
  }
  var total = 0.0;
  var position = first;
  while (position < uniforms.positions) {
    var stretch = 0.0;
    for (var n = 0u; n < ${STRETCH}u && position < uniforms.positions; n++) {
      stretch += dy[position * uniforms.size + column];
      position = u32(links[2u * position + 1u]);
    }
    total += stretch;
  }
  dTable[u32(tokens[first]) * uniforms.size + column] = total;
}
`,
});
