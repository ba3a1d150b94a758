/**
 * NaN and infinity by their bits: compilers of shaders may assume that there are none, and some drivers' `exp` and `log`
 * turn a NaN into a number.
 */
export const numbers = `
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn isFinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn exponential(x: f32) -> f32 {
  return select(exp(x), x, isNan(x));
}
`;
