/**
 * Hartigan and Hartigan's dip (1985): the largest distance between the empirical distribution function and the unimodal one that is
 * nearest to it. A unimodal distribution function is convex before its mode and concave behind it.
 */

/** Points of a polygon over the sample, by index. */
type Hull = readonly number[];

/** @param sorted ascending, at least one */
export function dipOf(sorted: ArrayLike<number>): number {
  const n = sorted.length;
  let [low, high] = [0, n - 1];
  // The dip in steps of the distribution function (1/n), twice: no sample is nearer to a distribution without jumps than one.
  let dip = 1;
  if (sorted[low] === sorted[high]) return dip / (2 * n);
  for (;;) {
    const minorant = lowerHull(sorted, low, high);
    const majorant = upperHull(sorted, low, high);
    // Where the two are farthest apart, and the modal interval that this leaves.
    const { gap, from, to } = widestGap(sorted, minorant, majorant);
    if (gap <= dip) break;
    dip = Math.max(dip, gapBelow(sorted, minorant, from), gapAbove(sorted, majorant, to));
    if (from === low && to === high) break;
    [low, high] = [from, to];
  }
  return dip / (2 * n);
}

/** The greatest convex minorant of the points (value, index). */
function lowerHull(sorted: ArrayLike<number>, low: number, high: number): Hull {
  const hull: number[] = [];
  for (let index = low; index <= high; index++) {
    while (hull.length > 1 && turn(sorted, hull.at(-2) as number, hull.at(-1) as number, index) <= 0) hull.pop();
    hull.push(index);
  }
  return hull;
}

/** The least concave majorant. */
function upperHull(sorted: ArrayLike<number>, low: number, high: number): Hull {
  const hull: number[] = [];
  for (let index = low; index <= high; index++) {
    while (hull.length > 1 && turn(sorted, hull.at(-2) as number, hull.at(-1) as number, index) >= 0) hull.pop();
    hull.push(index);
  }
  return hull;
}

/** Above 0 where the way from a over b to c turns left. */
function turn(sorted: ArrayLike<number>, a: number, b: number, c: number): number {
  const x = (index: number) => sorted[index] as number;
  return (x(b) - x(a)) * (c - a) - (b - a) * (x(c) - x(a));
}

/** The height of the hull's segment over a value. */
function heightAt(sorted: ArrayLike<number>, start: number, end: number, value: number): number {
  const [x0, x1] = [sorted[start] as number, sorted[end] as number];
  return x1 === x0 ? end : start + ((end - start) * (value - x0)) / (x1 - x0);
}

/** The first place in a hull that is at or behind an index. */
function placeOf(hull: Hull, index: number): number {
  return hull.findIndex((point) => point >= index);
}

/** How far the majorant lies above the minorant at most, plus the step of the distribution function itself. */
function widestGap(sorted: ArrayLike<number>, minorant: Hull, majorant: Hull) {
  let best = { gap: 0, from: minorant[0] as number, to: minorant.at(-1) as number };
  const consider = (gap: number, from: number, to: number) => {
    if (gap > best.gap) best = { gap, from, to };
  };
  for (const point of minorant) {
    const right = Math.max(1, placeOf(majorant, point));
    const [start, end] = [majorant[right - 1] as number, majorant[right] as number];
    consider(heightAt(sorted, start, end, sorted[point] as number) - point + 1, point, end);
  }
  for (const point of majorant) {
    const right = Math.max(1, placeOf(minorant, point));
    const [start, end] = [minorant[right - 1] as number, minorant[right] as number];
    const from = end === point ? end : start;
    consider(point - heightAt(sorted, start, end, sorted[point] as number) + 1, from, point);
  }
  return best;
}

/** How far the distribution function rises above the minorant up to a point. */
function gapBelow(sorted: ArrayLike<number>, minorant: Hull, until: number): number {
  let gap = 0;
  for (let place = 1; place < minorant.length && (minorant[place] as number) <= until; place++) {
    const [start, end] = [minorant[place - 1] as number, minorant[place] as number];
    for (let index = start; index <= end; index++) {
      gap = Math.max(gap, index - heightAt(sorted, start, end, sorted[index] as number) + 1);
    }
  }
  return gap;
}

/** How far it falls below the majorant from a point on. */
function gapAbove(sorted: ArrayLike<number>, majorant: Hull, from: number): number {
  let gap = 0;
  for (let place = 1; place < majorant.length; place++) {
    const [start, end] = [majorant[place - 1] as number, majorant[place] as number];
    if (start < from) continue;
    for (let index = start; index <= end; index++) {
      gap = Math.max(gap, heightAt(sorted, start, end, sorted[index] as number) - index + 1);
    }
  }
  return gap;
}
