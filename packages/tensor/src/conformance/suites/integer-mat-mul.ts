import { integerMatMul } from "../../kernels/integer-mat-mul.js";
import { integerFormats } from "../../quantization.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";
import { packedCase, packedProduct } from "./quantized-mat-mul.js";

/** Written from the definition. The integers are float32's, as everywhere; what is made of them is exact. */
function rounded(x: HostArray): HostArray {
  const size = x.shape.at(-1) as number;
  const result = zeros(x.shape);
  for (let start = 0; start < x.data.length; ) {
    const end = Math.min(start + 32, (Math.floor(start / size) + 1) * size);
    let peak = 0;
    for (let i = start; i < end; i++) peak = Math.max(peak, Math.abs(at(x, i)));
    const inverse = Math.fround(127 / peak);
    for (let i = start; i < end; i++) {
      const integer = peak < 2 ** -110 ? 0 : halfToEven(Math.fround(at(x, i) * inverse));
      result.data[i] = (integer * peak) / 127;
    }
    start = end;
  }
  return result;
}

function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

export const integerMatMulOracle: Oracle = (inputs, attributes) =>
  packedProduct({ ...inputs, x: rounded(inputs.x as HostArray) }, attributes);

export const integerMatMulSuite = kernelSuite({
  kernel: integerMatMul,
  oracle: integerMatMulOracle,
  differentiable: [],
  ranges: { rows: [1, 40], outSize: [1, 40], inSize: [1, 140], format: [0, integerFormats.length - 1] },
  picked: integerFormats.flatMap((_, format) => [
    { rows: 1, outSize: 1, inSize: 1, format },
    { rows: 1, outSize: 7, inSize: 33, format },
    { rows: 3, outSize: 5, inSize: 31, format },
    { rows: 0, outSize: 5, inSize: 31, format },
    { rows: 2, outSize: 150, inSize: 1061, format },
    { rows: 8, outSize: 30, inSize: 288, format },
    { rows: 9, outSize: 30, inSize: 288, format },
    { rows: 90, outSize: 70, inSize: 96, format },
    { rows: 20_000, outSize: 2, inSize: 3, format },
  ]),
  build: ({ rows, outSize, inSize, format }, random) =>
    packedCase(normals(random, [rows, inSize]), normals(random, [outSize, inSize]), {
      format: integerFormats[format],
    }),
  extremes: (random) => {
    const x = normals(random, [2, 3, 64]);
    const weight = normals(random, [5, 64]);
    // All of the same sign and size: sums are as large as they get.
    const full = { shape: [5, 64], data: new Float64Array(5 * 64).fill(7) };
    const loud = { shape: [1, 64], data: Float64Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : -1)) };
    // Halves lie between two integers; the first of each block is its peak.
    const halves = {
      shape: [1, 64],
      data: Float64Array.from({ length: 64 }, (_, i) => (i % 32 ? (i % 32) - 15.5 : 127)),
    };
    return Object.fromEntries(
      integerFormats.flatMap((format) => [
        [`zeros in ${format}`, packedCase(zeros([2, 3, 64]), weight, { format })],
        [
          `a block of zeros in ${format}`,
          packedCase({ shape: [1, 64], data: loud.data.map((v) => Math.max(v, 0)) }, weight, { format }),
        ],
        [`large numbers in ${format}`, packedCase(scaled(x, 1e30), scaled(weight, 1e-2), { format })],
        [`small numbers in ${format}`, packedCase(scaled(x, 1e-25), weight, { format })],
        [`full blocks in ${format}`, packedCase(loud, full, { format })],
        [`halves in ${format}`, packedCase(halves, weight, { format })],
      ]),
    );
  },
});
