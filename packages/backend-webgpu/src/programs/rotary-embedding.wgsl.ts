/**
 *     x[b, t, head]   ─────●───────●─────    thread: one pair (x_i, x_{i + half}) and its angle
 *                          i    i + half     cos, sin [offset + t div iterations, i]
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

const turning = { x: "in f32", cos: "in f32", sin: "in f32" } as const;

const uniforms = {
  count: "u32",
  time: "u32",
  heads: "u32",
  half: "u32",
  offset: "u32",
  iterations: "u32",
  direction: "f32",
} as const;

/** Turns pairs by the angles of their position; `direction` is 1 for forth and -1 for back. */
export const rotaryEmbeddingProgram = defineProgram({
  name: "rotaryEmbedding",
  buffers: { ...turning, y: "out f32" },
  uniforms,
  threads: ELEMENTS_PER_GROUP,
  body: () => body("uniforms.offset + column / uniforms.iterations"),
});

/** The same where row b is `ahead[b]` positions ahead; beyond the tables, of `positions` rows, it turns as at their ends. */
export const rotaryEmbeddingByRowProgram = defineProgram({
  name: "rotaryEmbedding/by row",
  buffers: { ...turning, ahead: "in i32", y: "out f32" },
  uniforms: { ...uniforms, positions: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () =>
    body(
      "u32(clamp(i32(uniforms.offset + column / uniforms.iterations) + ahead[row / uniforms.heads / uniforms.time], " +
        "0, i32(uniforms.positions) - 1))",
    ),
});

function body(position: string): string {
  return `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let half = uniforms.half;
  let row = index / half;
  let i = index % half;
  let column = (row / uniforms.heads) % uniforms.time;
  let angle = (${position}) * half + i;
  let cosine = cos[angle];
  let sine = sin[angle] * uniforms.direction;
  let place = row * 2u * half + i;
  let first = x[place];
  let second = x[place + half];
  y[place] = first * cosine - second * sine;
  y[place + half] = second * cosine + first * sine;
}
`;
}
