/**
 * Which stretches are the same basin: agglomerative clustering by Ward's criterion (Ward, 1963) of the stretches' means, each with
 * the weight of its positions. It stops where joining two clusters would cost more squared error than a change point has to gain.
 */
import { squaredDistance } from "./trajectory.js";

interface Cluster {
  readonly mean: Float64Array;
  readonly positions: number;
  readonly members: readonly number[];
}

/** For each stretch the number of its basin, counted in the order in which they first appear. */
export function mergeStretches(
  stretches: readonly { readonly mean: Float64Array; readonly positions: number }[],
  penalty: number,
): number[] {
  let clusters: Cluster[] = stretches.map((stretch, index) => ({ ...stretch, members: [index] }));
  for (;;) {
    const pair = cheapestPair(clusters);
    if (pair === undefined || pair.cost > penalty) break;
    const { left, right } = pair;
    clusters = [...clusters.filter((cluster) => cluster !== left && cluster !== right), joined(left, right)];
  }
  const inOrder = clusters.sort((left, right) => Math.min(...left.members) - Math.min(...right.members));
  return stretches.map((_, index) => inOrder.findIndex(({ members }) => members.includes(index)));
}

function cheapestPair(clusters: readonly Cluster[]): { left: Cluster; right: Cluster; cost: number } | undefined {
  let cheapest: { left: Cluster; right: Cluster; cost: number } | undefined;
  for (const [index, left] of clusters.entries()) {
    for (const right of clusters.slice(index + 1)) {
      const weight = (left.positions * right.positions) / (left.positions + right.positions);
      const cost = weight * squaredDistance(left.mean, right.mean);
      if (cheapest === undefined || cost < cheapest.cost) cheapest = { left, right, cost };
    }
  }
  return cheapest;
}

function joined(left: Cluster, right: Cluster): Cluster {
  const positions = left.positions + right.positions;
  const mean = left.mean.map(
    (value, at) => (value * left.positions + (right.mean[at] as number) * right.positions) / positions,
  );
  return { mean, positions, members: [...left.members, ...right.members] };
}
