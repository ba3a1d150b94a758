/** A text to train on, byte by byte: plain prose, so that there is something to learn in two hundred steps. */
const text = `A decoder-only transformer reads a sentence from left to right and keeps, for every word, the keys and values that
later words may look at. What it thought on the way to its answer is thrown away: at the next word it begins again from the
word itself. The state stream keeps one vector for every layer and blends a little of it into the next position, between the
attention and the feed-forward network. The share is small, learned for every dimension, and bounded from both sides. What
comes out of the feed-forward network is the new state, so that the path from one position to the next runs through a
nonlinear function, and the whole is a recurrence that cannot be unrolled into one large product. To train it in parallel,
run the model once without the blend, take the states that it leaves as a first guess, carry the difference along the
sequence with a scan, and run it once more with the blend switched on. The error of the guess shrinks with the square of the
share. Where a model has learned to carry a computation in its state the guess is not good enough, and the recurrence has to
be solved step by step, layer by layer, which costs little more than the plain model where the steps are cheap.`;

/** Rows of `length` characters as ASCII codes, from places that depend on the step. */
export function textRows(step: number, rows: number, length: number): number[][] {
  return Array.from({ length: rows }, (_, row) => {
    const start = ((step * rows + row) * 131) % (text.length - length);
    return Array.from({ length }, (_, i) => text.charCodeAt(start + i));
  });
}
