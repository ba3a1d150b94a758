/** Two bytes a value: float16 (IEEE 754) and bfloat16, to float32 and back. */

/** Bits of float16, widened exactly. @param values where to, as many */
export function fromFloat16(halves: Uint16Array, values = new Float32Array(halves.length)): Float32Array {
  for (let i = 0; i < halves.length; i++) values[i] = halfToFloat(halves[i] as number);
  return values;
}

/** Bits of bfloat16, widened exactly: it is the upper half of a float32. @param values where to, as many */
export function fromBfloat16(halves: Uint16Array, values = new Float32Array(halves.length)): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return values;
}

/** Rounded to nearest, ties to even; what is too large becomes infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    halves[i] = (((bits[i] as number) >>> 16) & 0x8000) | halfOf(Math.abs(values[i] as number));
  }
  return halves;
}

/** As `toFloat16`. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i] as number;
    // Rounding would make infinities of some NaNs.
    halves[i] = Number.isNaN(values[i]) ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of a magnitude. They count the values of float16 from 0 up, so a carry of the fraction is one of the exponent. */
function halfOf(magnitude: number): number {
  if (Number.isNaN(magnitude)) return 0x7e00;
  if (magnitude === Number.POSITIVE_INFINITY) return 0x7c00;
  // Below 2^-14 values are as far apart as just above it.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundedToEven((magnitude / 2 ** exponent) * 1024);
  return Math.min(0x7c00, (exponent + 14) * 1024 + steps);
}

/** @param value of at most 2^11 and a float32, so that its double is exact */
function roundedToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
