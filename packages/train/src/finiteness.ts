/** Looking at numbers before they are used: norms, and the first tensor that is not finite. */
import { concat, reshape, square, sum, type Tensor, tidy } from "@sst/tensor";

/** Sums of squares by name, in one download. */
export async function squaredNorms(tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, number>> {
  const names = Object.keys(tensors);
  const joined = tidy(() => concat(names.map((name) => reshape(sum(square(tensors[name] as Tensor)), [1]))));
  const values = await joined.data();
  joined.dispose();
  return Object.fromEntries(names.map((name, index) => [name, values[index] as number]));
}

/** The first name whose value is not finite. */
export function firstNotFinite(values: Readonly<Record<string, number>>): string | undefined {
  return Object.keys(values).find((name) => !Number.isFinite(values[name]));
}
