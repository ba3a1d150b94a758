/** Two bytes a value: float16 (IEEE 754) and bfloat16, to float32 and back. */
import { fromHalf, toHalf } from "@sst/tensor";

/** Bits of float16, widened exactly. @param values where to, as many */
export function fromFloat16(halves: Uint16Array, values: Float32Array = new Float32Array(halves.length)): Float32Array {
  const known = halfValues();
  for (let i = 0; i < halves.length; i++) values[i] = known[halves[i] as number] as number;
  return values;
}

/** Bits of bfloat16, widened exactly: it is the upper half of a float32. @param values where to, as many */
export function fromBfloat16(
  halves: Uint16Array,
  values: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return values;
}

/** Rounded to nearest, ties to even; what is too large becomes infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, toHalf);
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

let table: Float32Array | undefined;

/** The values of all halves: looking one up is faster than taking it apart. */
export function halfValues(): Float32Array {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => fromHalf(half));
  return table;
}
