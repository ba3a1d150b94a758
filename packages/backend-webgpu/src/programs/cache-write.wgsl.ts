/**
 *     rows[b]    [ r0 r1 r2 ]              thread: one word
 *                   ↓
 *     cache[b]   [ . . r0 r1 r2 . . . ]    from slot offset mod capacity on; what goes beyond the last slot goes to the first
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/**
 * `cache[b, (offset + t) mod capacity] = rows[b, t]`. In words: `chunkSize` is what is written of each batch entry, the last of
 * the `rowsSize` that it has in rows, `cacheSize` what it has in the cache, `start` where the first word goes in it.
 */
export const cacheWriteProgram = defineProgram({
  name: "cacheWrite",
  buffers: { rows: "in u32", cache: "out u32" },
  uniforms: { count: "u32", chunkSize: "u32", rowsSize: "u32", cacheSize: "u32", start: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let batch = index / uniforms.chunkSize;
  let place = index % uniforms.chunkSize;
  let word = rows[(batch + 1u) * uniforms.rowsSize - uniforms.chunkSize + place];
  var slot = uniforms.start + place;
  if (slot >= uniforms.cacheSize) {
    slot -= uniforms.cacheSize;
  }
  cache[batch * uniforms.cacheSize + slot] = word;
}
`,
});

/**
 * `cache[b, (offset + ahead[b] + t) mod capacity] = rows[b, t]` where that begins at no position before 0; of the `time` columns of rows
 * the last `kept`. `size` is the words of a slot.
 */
export const cacheWriteByRowProgram = defineProgram({
  name: "cacheWrite/by row",
  buffers: { rows: "in u32", ahead: "in i32", cache: "out u32" },
  uniforms: { count: "u32", kept: "u32", time: "u32", capacity: "u32", size: "u32", offset: "i32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let i = index % uniforms.size;
  let column = uniforms.time - uniforms.kept + (index / uniforms.size) % uniforms.kept;
  let batch = index / uniforms.size / uniforms.kept;
  let first = uniforms.offset + ahead[batch];
  if (first < 0) {
    return;
  }
  let slot = (u32(first) + column) % uniforms.capacity;
  cache[(batch * uniforms.capacity + slot) * uniforms.size + i] = rows[(batch * uniforms.time + column) * uniforms.size + i];
}
`,
});
