/**
 * jax-js' training step on WebAssembly, compiled as one function: `node training-jax.mjs FOLDER`. Its operations use their
 * operands up; `.ref` keeps one for another use. The embedding is a product with one-hot rows: the gradient of a gather
 * cannot be compiled.
 */
import { readTrainingProblem, secondsPerRun, serve } from "../dist/peer-kit.js";

const MEASURED_MS = 300;

const [folder] = process.argv.slice(2);

await serve(async () => {
  const jax = await import("@jax-js/jax");
  const { numpy: np, nn, tree } = jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const { config, optimizer, weights, batches, batchSize, time } = readTrainingProblem(folder);
  const { hiddenSize, headDim, vocabSize, numHiddenLayers, numAttentionHeads: heads, rmsNormEps } = config;
  const rows = batchSize * time;
  const array = (data, shape, dtype = np.float32) => np.array(data, { shape, dtype });

  const names = Object.keys(weights);
  const isMatrix = (name) => weights[name].shape.length === 2;
  let parameters = Object.fromEntries(
    names.map((name) => {
      const value = array(weights[name].data, weights[name].shape);
      return [name, isMatrix(name) && name !== "model.embed_tokens.weight" ? value.transpose() : value];
    }),
  );
  const zeros = () => Object.fromEntries(names.map((name) => [name, np.zeros(parameters[name].shape)]));
  let first = zeros();
  let second = zeros();

  const half = headDim / 2;
  const angles = Float32Array.from(
    { length: time * headDim },
    (_, i) => Math.floor(i / headDim) * config.ropeTheta ** (-((i % headDim) % half) / half),
  );
  const cos = array(angles.map(Math.cos), [1, 1, time, headDim]);
  const sin = array(angles.map(Math.sin), [1, 1, time, headDim]);
  const isFuture = (index) => index % time > Math.floor(index / time);
  const future = array(
    Float32Array.from({ length: time * time }, (_, index) => (isFuture(index) ? -1e30 : 0)),
    [1, 1, time, time],
  );

  const norm = (x, weight) => {
    const square = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.div(np.sqrt(square.add(rmsNormEps))).mul(weight);
  };
  const split = (x) => x.reshape([batchSize, time, heads, headDim]).transpose([0, 2, 1, 3]);
  const turned = (x) => {
    const low = x.ref.slice([], [], [], [0, half]);
    const high = x.ref.slice([], [], [], [half, headDim]);
    return x.mul(cos.ref).add(np.concatenate([high.neg(), low], -1).mul(sin.ref));
  };
  const attention = (x, p, name) => {
    const projected = (part) => split(np.matmul(x.ref, p[`${name}.${part}.weight`]));
    const q = turned(projected("q_proj"));
    const k = turned(projected("k_proj"));
    const v = projected("v_proj");
    x.dispose();
    const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(headDim ** -0.5);
    const mixed = np.matmul(nn.softmax(scores.add(future.ref), -1), v).transpose([0, 2, 1, 3]);
    return np.matmul(mixed.reshape([rows, hiddenSize]), p[`${name}.o_proj.weight`]);
  };
  const feedForward = (x, p, name) => {
    const gate = nn.silu(np.matmul(x.ref, p[`${name}.gate_proj.weight`]));
    return np.matmul(gate.mul(np.matmul(x, p[`${name}.up_proj.weight`])), p[`${name}.down_proj.weight`]);
  };
  const lossOf = (p, tokens, labels) => {
    let x = np.matmul(nn.oneHot(tokens, vocabSize), p["model.embed_tokens.weight"]);
    for (let layer = 0; layer < numHiddenLayers; layer++) {
      const name = `model.layers.${layer}`;
      x = x.ref.add(attention(norm(x, p[`${name}.input_layernorm.weight`]), p, `${name}.self_attn`));
      x = x.ref.add(feedForward(norm(x, p[`${name}.post_attention_layernorm.weight`]), p, `${name}.mlp`));
    }
    const logits = np.matmul(norm(x, p["model.norm.weight"]), p["lm_head.weight"]);
    return np.sum(nn.logSoftmax(logits, -1).mul(nn.oneHot(labels, vocabSize))).mul(-1 / rows);
  };

  const { learningRate, beta1, beta2, epsilon, weightDecay } = optimizer;
  const lossAndGradients = jax.valueAndGrad(lossOf);
  /** `scales` are what makes up for the moments' start at zero. */
  const trainingStep = jax.jit((p, m, v, tokens, labels, firstScale, secondScale) => {
    const [loss, gradients] = lossAndGradients(tree.ref(p), tokens, labels);
    const next = { p: {}, m: {}, v: {} };
    for (const name of names) {
      const gradient = gradients[name];
      next.m[name] = m[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
      next.v[name] = v[name].mul(beta2).add(np.square(gradient).mul(1 - beta2));
      const deviation = np.sqrt(next.v[name].ref.mul(secondScale.ref)).add(epsilon);
      const change = next.m[name].ref.mul(firstScale.ref).div(deviation).mul(learningRate);
      next.p[name] = p[name].mul(1 - learningRate * (isMatrix(name) ? weightDecay : 0)).sub(change);
    }
    firstScale.dispose();
    secondScale.dispose();
    return [loss, next.p, next.m, next.v];
  });

  const ids = (values) => array(values, [rows], np.int32);
  const data = batches.map(({ tokens, labels }) => ({ tokens: ids(tokens), labels: ids(labels) }));
  let steps = 0;
  const step = async () => {
    const { tokens, labels } = data[steps++ % data.length];
    const scales = [beta1, beta2].map((beta) => np.array(1 / (1 - beta ** steps)));
    const [loss, ...next] = trainingStep(parameters, first, second, tokens.ref, labels.ref, ...scales);
    [parameters, first, second] = next;
    const [value] = await loss.data();
    await jax.blockUntilReady(parameters["model.embed_tokens.weight"]);
    return value;
  };

  return async ({ losses }) => {
    if (losses === undefined) return { seconds: await secondsPerRun(step, MEASURED_MS) };
    const found = [];
    while (found.length < losses) found.push(await step());
    return { losses: found };
  };
});
