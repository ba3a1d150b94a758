/** Sizes that all parts share. */

/** Sequences of a training step. */
export const batchSize = 64;

/** Sequences that every accuracy is taken over, freshly made. */
export const evaluatedSequences = 1000;
