/**
 * Over a table of zeros. A row is written by the workgroup of the position where its token stands first; the others find
 * that they are not first and leave. So the work grows with the text, not with the vocabulary, and nobody shares a row.
 *
 *     tokens          7 2 7 5 7 …
 *     workgroup 0     ●   ●   ●      row 7: dy[0] + dy[2] + dy[4] …
 *     workgroup 1       ●            row 2: dy[1]
 *     workgroup 2     ●              leaves: 7 stood at position 0
 *
 * It walks over the tokens in tiles of 256: a thread looks at one token of each, eight words of 32 bits hold which of them
 * match, and every thread adds the matching rows of dy, in their order, to its own columns.
 */
import { defineProgram } from "../program.js";

const TILE = 256;
const WORDS = TILE / 32;

/** `dTable[token] = Σ dy[p]` over the positions p where it stands; rows that no token asks for are left as they are. */
export const embeddingGradientProgram = defineProgram({
  name: "embeddingGradient",
  buffers: { dy: "in f32", tokens: "in i32", dTable: "out f32" },
  uniforms: { positions: "u32", size: "u32" },
  threads: TILE,
  body: () => `
var<workgroup> isMatch: array<u32, ${TILE}>;
var<workgroup> matches: array<u32, ${WORDS}>;
var<workgroup> firstMatch: u32;

/** Finds the matches in the tile that starts at \`tile\`: the first one, or ${TILE} where there is none. */
fn findMatches(tile: u32, thread: u32, token: i32) -> u32 {
  let position = tile + thread;
  isMatch[thread] = 0u;
  if (position < uniforms.positions) {
    isMatch[thread] = u32(tokens[position] == token);
  }
  workgroupBarrier();
  if (thread < ${WORDS}u) {
    var word = 0u;
    for (var bit = 0u; bit < 32u; bit++) {
      word |= isMatch[thread * 32u + bit] << bit;
    }
    matches[thread] = word;
  }
  workgroupBarrier();
  if (thread == 0u) {
    firstMatch = ${TILE}u;
    for (var i = ${WORDS}u; i > 0u; i--) {
      if (matches[i - 1u] != 0u) {
        firstMatch = (i - 1u) * 32u + countTrailingZeros(matches[i - 1u]);
      }
    }
  }
  return workgroupUniformLoad(&firstMatch);
}

fn run(group: u32, thread: u32) {
  let token = tokens[group];
  for (var tile = 0u; tile < uniforms.positions; tile += ${TILE}u) {
    let first = findMatches(tile, thread, token);
    if (first == ${TILE}u) {
      continue;
    }
    if (tile + first < group) {
      return;
    }
    // From here on this workgroup is the row's own.
    for (var column = thread; column < uniforms.size; column += ${TILE}u) {
      var sum = 0.0;
      for (var i = 0u; i < ${WORDS}u; i++) {
        for (var rest = matches[i]; rest != 0u; rest &= rest - 1u) {
          let position = tile + i * 32u + countTrailingZeros(rest);
          sum += dy[position * uniforms.size + column];
        }
      }
      dTable[u32(token) * uniforms.size + column] += sum;
    }
  }
}
`,
});
