/**
 *     row    x x x x x x x x     lanes merge their entries into (largest, rest), then in a tree; lane 0 leaves
 *            └─ lanes ─────┘     loss = log(1 + rest) + (largest - x[label])
 */
import { defineProgram } from "../program.js";
import { rowSpreads } from "./parts/log-sum-exp.js";
import { lanesOf, ownRow, rowThreads } from "./parts/rows.js";

const uniforms = { rows: "u32", size: "u32" } as const;

/** The spread of a row, lane by lane. */
const spread = `
  var own = nothing;
  for (var i = start + lane; i < end; i += LANES) {
    own = merged(own, Spread(logits[i], 0.0));
  }
  let spread = spreadOfRow(thread, own);`;

/** `loss = logsumexp(logits) - logits[label]`; 0 where the label is negative. */
export const softmaxCrossEntropyProgram = (vocabulary: number) =>
  defineProgram({
    name: "softmaxCrossEntropy",
    variant: `${lanesOf(vocabulary)} lanes`,
    buffers: { logits: "in f32", labels: "in i32", loss: "out f32" },
    uniforms,
    threads: rowThreads(vocabulary),
    body: () => `${rowSpreads(vocabulary)}
/** log(1 + x), by its series where 1 + x would lose digits. */
fn logOfOnePlus(x: f32) -> f32 {
  if (isNan(x)) {
    return x;
  }
  if (x < 0.03) {
    return x * (1.0 - x * (1.0 / 2.0 - x * (1.0 / 3.0 - x * (1.0 / 4.0 - x / 5.0))));
  }
  return log(1.0 + x);
}

fn run(group: u32, thread: u32) {
  ${ownRow}
  ${spread}
  if (lane == 0u && row < uniforms.rows) {
    let label = labels[row];
    var value = 0.0;
    if (label >= 0) {
      value = logOfOnePlus(spread.rest) + (spread.largest - logits[start + u32(label)]);
    }
    loss[row] = value;
  }
}
`,
  });

/** `dLogits = (softmax(logits) - onehot(label)) · dLoss`; 0 where the label is negative. */
export const softmaxCrossEntropyGradientProgram = (vocabulary: number) =>
  defineProgram({
    name: "softmaxCrossEntropyGradient",
    variant: `${lanesOf(vocabulary)} lanes`,
    buffers: { dLoss: "in f32", logits: "in f32", labels: "in i32", dLogits: "out f32" },
    uniforms,
    threads: rowThreads(vocabulary),
    body: () => `${rowSpreads(vocabulary)}
fn run(group: u32, thread: u32) {
  ${ownRow}
  ${spread}
  if (row < uniforms.rows) {
    let label = labels[row];
    for (var i = start + lane; i < end; i += LANES) {
      var value = 0.0;
      if (label >= 0) {
        let weight = exponential(logits[i] - spread.largest);
        var surplus = weight / (1.0 + spread.rest);
        if (i == start + u32(label)) {
          // The largest entry's 1 is not in the rest, so nothing cancels.
          surplus = select(surplus - 1.0, -spread.rest / (1.0 + spread.rest), weight == 1.0);
        }
        value = surplus * dLoss[row];
      }
      dLogits[i] = value;
    }
  }
}
`,
  });
