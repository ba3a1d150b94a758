/**
 * TensorFlow.js' training step on WebAssembly: `node training-tfjs.mjs FOLDER`. Bundled before it runs: tfjs-core registers
 * its gradients only in files that Node's own loader does not find. Two operations have no kernel on WebAssembly and are
 * written out: the embedding is a product with one-hot rows (the gradient of a gather is missing), the loss a log-sum-exp.
 */
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { readTrainingProblem, secondsPerRun, serve } from "../dist/peer-kit.js";

const MEASURED_MS = 300;

const [folder, wasmFolder] = process.argv.slice(2);

await serve(async () => {
  setWasmPaths(wasmFolder);
  await tf.setBackend("wasm");
  await tf.ready();
  const { config, optimizer, weights, batches, batchSize, time } = readTrainingProblem(folder);
  const { hiddenSize, headDim, vocabSize, numHiddenLayers, numAttentionHeads: heads, rmsNormEps } = config;
  const rows = batchSize * time;

  // Matrices as [in, out]: its products with a transposed operand are many times slower.
  const parameters = Object.entries(weights).map(([name, { shape, data }]) => {
    const value = tf.tensor(data, shape);
    const isLinear = shape.length === 2 && name !== "model.embed_tokens.weight";
    return { variable: tf.variable(isLinear ? tf.transpose(value) : value, true, name), isMatrix: shape.length === 2 };
  });
  const parameter = Object.fromEntries(parameters.map(({ variable }) => [variable.name, variable]));

  const half = headDim / 2;
  const angles = Array.from({ length: time }, (_, position) =>
    Array.from({ length: headDim }, (_, i) => position * config.ropeTheta ** (-(i % half) / half)),
  );
  const cos = tf.cos(tf.tensor(angles));
  const sin = tf.sin(tf.tensor(angles));
  const future = tf.tensor(
    Array.from({ length: time }, (_, row) => Array.from({ length: time }, (_, column) => (column > row ? -1e30 : 0))),
  );

  const norm = (x, name) =>
    tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), rmsNormEps))), parameter[name]);
  const linear = (x, name) => tf.matMul(x, parameter[`${name}.weight`]);
  const split = (x) => tf.transpose(tf.reshape(x, [batchSize, time, heads, headDim]), [0, 2, 1, 3]);
  const turned = (x) => {
    const [first, second] = tf.split(x, 2, -1);
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(second), first], -1), sin));
  };
  const attention = (x, name) => {
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((part) => split(linear(x, `${name}.${part}`)));
    const scores = tf.add(tf.mul(tf.matMul(turned(q), turned(k), false, true), headDim ** -0.5), future);
    const mixed = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
    return linear(tf.reshape(mixed, [rows, hiddenSize]), `${name}.o_proj`);
  };
  const feedForward = (x, name) => {
    const gate = linear(x, `${name}.gate_proj`);
    return linear(tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(x, `${name}.up_proj`)), `${name}.down_proj`);
  };
  const lossOf = ({ tokens, labels }) => {
    let x = tf.matMul(tokens, parameter["model.embed_tokens.weight"]);
    for (let layer = 0; layer < numHiddenLayers; layer++) {
      const name = `model.layers.${layer}`;
      x = tf.add(x, attention(norm(x, `${name}.input_layernorm.weight`), `${name}.self_attn`));
      x = tf.add(x, feedForward(norm(x, `${name}.post_attention_layernorm.weight`), `${name}.mlp`));
    }
    const logits = linear(norm(x, "model.norm.weight"), "lm_head");
    const shifted = tf.sub(logits, tf.max(logits, -1, true));
    return tf.mean(tf.sub(tf.log(tf.sum(tf.exp(shifted), -1)), tf.sum(tf.mul(shifted, labels), -1)));
  };

  const moments = parameters.map(({ variable }) => ({ m: tf.zerosLike(variable), v: tf.zerosLike(variable) }));
  const oneHot = (ids) => tf.cast(tf.oneHot(tf.tensor1d(ids, "int32"), vocabSize), "float32");
  const data = batches.map(({ tokens, labels }) => ({ tokens: oneHot(tokens), labels: oneHot(labels) }));
  let steps = 0;

  const update = (gradients) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay } = optimizer;
    const [first, second] = [1 - beta1 ** steps, 1 - beta2 ** steps];
    parameters.forEach(({ variable, isMatrix }, index) => {
      const gradient = gradients[variable.name];
      const old = moments[index];
      const m = tf.keep(tf.add(tf.mul(old.m, beta1), tf.mul(gradient, 1 - beta1)));
      const v = tf.keep(tf.add(tf.mul(old.v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
      tf.dispose(old);
      moments[index] = { m, v };
      const change = tf.mul(tf.div(tf.div(m, first), tf.add(tf.sqrt(tf.div(v, second)), epsilon)), learningRate);
      variable.assign(tf.sub(tf.mul(variable, 1 - learningRate * (isMatrix ? weightDecay : 0)), change));
    });
  };
  const step = async () => {
    const batch = data[steps++ % data.length];
    const { value, grads } = tf.variableGrads(() => lossOf(batch));
    tf.tidy(() => update(grads));
    const [loss] = await value.data();
    tf.dispose([value, grads]);
    return loss;
  };

  return async ({ losses }) => {
    if (losses === undefined) return { seconds: await secondsPerRun(step, MEASURED_MS) };
    const found = [];
    while (found.length < losses) found.push(await step());
    return { losses: found };
  };
});
