/**
 * NaN and infinity by their bits: compilers of shaders may assume that there are none, and some drivers' `exp` and `log`
 * turn a NaN into a number. Beyond what float32 can hold, `exp` is 0 and not merely small.
 */
export const numbers = `
const lowest = -3.4028234e38;

fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn isFinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn exponential(x: f32) -> f32 {
  return select(select(exp(x), 0.0, x < -104.0), x, isNan(x));
}
`;
