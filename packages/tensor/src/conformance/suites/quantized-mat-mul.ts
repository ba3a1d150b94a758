import { quantizedMatMul, quantizedMatMulGradient } from "../../kernels/quantized-mat-mul.js";
import { packMatrix, unpackMatrix, type WeightFormat, weightFormats } from "../../quantization.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { type Attributes, type KernelCase, kernelSuite, type Oracle } from "../kernel-suite.js";

/** What the words stand for is `unpackMatrix`'s to say; it has tests of its own. */
export const packedProduct: Oracle = (inputs, attributes) => {
  const { x, words, scales } = inputs as Record<"x" | "words" | "scales", HostArray>;
  const [outSize, inSize] = [words.shape[0] as number, x.shape.at(-1) as number];
  const weight = unpackMatrix({
    format: attributes.format as WeightFormat,
    outSize,
    inSize,
    words: Int32Array.from(words.data),
    scales: Int32Array.from(scales.data),
  });
  const y = zeros([...x.shape.slice(0, -1), outSize]);
  for (let row = 0; row < x.data.length / inSize; row++) {
    for (let out = 0; out < outSize; out++) {
      let sum = 0;
      for (let i = 0; i < inSize; i++) sum += at(x, row * inSize + i) * (weight[out * inSize + i] as number);
      y.data[row * outSize + out] = sum;
    }
  }
  return { y };
};

export function packedCase(x: HostArray, weight: HostArray, attributes: Attributes): KernelCase {
  const [outSize, inSize] = weight.shape as [number, number];
  const { words, scales } = packMatrix(weight.data, [outSize, inSize], attributes.format as WeightFormat);
  return {
    inputs: {
      x,
      words: { shape: [outSize, words.length / outSize], data: Float64Array.from(words) },
      scales: { shape: [scales.length], data: Float64Array.from(scales) },
    },
    attributes,
  };
}

export const quantizedMatMulSuite = kernelSuite({
  kernel: quantizedMatMul,
  gradientKernel: quantizedMatMulGradient,
  oracle: packedProduct,
  differentiable: ["x"],
  ranges: { rows: [1, 40], outSize: [1, 40], inSize: [1, 140], format: [0, weightFormats.length - 1] },
  picked: weightFormats.flatMap((_, format) => [
    { rows: 1, outSize: 1, inSize: 1, format },
    { rows: 1, outSize: 7, inSize: 33, format },
    { rows: 3, outSize: 5, inSize: 31, format },
    { rows: 0, outSize: 5, inSize: 31, format },
    { rows: 2, outSize: 150, inSize: 1061, format },
    { rows: 90, outSize: 70, inSize: 96, format },
    { rows: 20_000, outSize: 2, inSize: 3, format },
  ]),
  build: ({ rows, outSize, inSize, format }, random) =>
    packedCase(normals(random, [rows, inSize]), normals(random, [outSize, inSize]), { format: weightFormats[format] }),
  extremes: (random) => {
    const x = normals(random, [2, 3, 64]);
    const weight = normals(random, [5, 64]);
    return Object.fromEntries(
      weightFormats.flatMap((format) => [
        [`zeros in ${format}`, packedCase(x, zeros([5, 64]), { format })],
        // A scale that is a subnormal half.
        [`next to nothing in ${format}`, packedCase(x, scaled(weight, 1e-4), { format })],
      ]),
    );
  },
});
