/**
 * Scores in the hundreds lose, in float32, digits that their exponentials would need. Such a score is computed once more,
 * as a sum of two numbers: entries are split into halves of twelve bits, whose products are exact, and the sum of the
 * large ones keeps what it rounds off.
 */

/** Beyond this a score's last bit shows in its exponential. */
export const LARGE_SCORE = 16;

/** `extend(product, left, right)` adds one product of entries to a product that is kept in two parts. Needs `numbers`. */
export const exactProduct = `
struct Exact {
  high: f32,
  low: f32,
}

fn upperHalf(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

/** left + right, and what that rounds off. */
fn exactSum(left: f32, right: f32) -> Exact {
  let sum = left + right;
  let share = sum - left;
  return Exact(sum, (left - (sum - share)) + (right - share));
}

fn extend(product: Exact, left: f32, right: f32) -> Exact {
  let leftHigh = upperHalf(left);
  let rightHigh = upperHalf(right);
  let leftLow = left - leftHigh;
  let rightLow = right - rightHigh;
  let sum = exactSum(product.high, leftHigh * rightHigh);
  return Exact(sum.high, product.low + sum.low + (leftHigh * rightLow + leftLow * rightHigh + leftLow * rightLow));
}

/** Times a factor, in two parts again. An infinite product has no second part. */
fn scaledExactly(product: Exact, factor: f32) -> Exact {
  if (!isFinite(product.high)) {
    return Exact(product.high * factor, 0.0);
  }
  let sum = exactSum(product.high, product.low);
  let scaled = extend(Exact(0.0, 0.0), sum.high, factor);
  return exactSum(scaled.high, scaled.low + sum.low * factor);
}
`;
