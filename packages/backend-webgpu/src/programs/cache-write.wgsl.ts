/**
 *     rows[b]    [ r0 r1 r2 ]              thread: one word
 *                   ↓
 *     cache[b]   [ . . r0 r1 r2 . . . ]    from slot offset on
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** `cache[b, offset + t] = rows[b, t]`. `chunkSize` is what a batch entry has in rows, `cacheSize` in the cache, `start` where the chunk goes in it. */
export const cacheWriteProgram = defineProgram({
  name: "cacheWrite",
  buffers: { rows: "in u32", cache: "out u32" },
  uniforms: { count: "u32", chunkSize: "u32", cacheSize: "u32", start: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let batch = index / uniforms.chunkSize;
  cache[batch * uniforms.cacheSize + uniforms.start + index % uniforms.chunkSize] = rows[index];
}
`,
});
