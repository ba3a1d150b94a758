import "@sst/backend-cpu";
import { DecoderModel, initializeModel, paperAlpha, smallDecoder, forward, tokenTensor, smallAlphaInitialization } from "@sst/layers";
import { HopTask, hopBatch } from "@sst/loaders";
import { Random, ready, argMax } from "@sst/tensor";
import { type StepReport, Trainer } from "@sst/train";
const arg = (name: string, d: string) => { const i = process.argv.indexOf("--" + name); return i < 0 ? d : process.argv[i + 1]!; };
const nodes = +arg("nodes", "16"), hops = +arg("hops", "8"), form = arg("form", "packed") as any, steps = +arg("steps", "3000"), lr = +arg("lr", "2e-3"), seed = +arg("seed", "0"), B = +arg("batch", "64"), d = +arg("d", "64"), L = +arg("layers", "2");
const depth = +arg("depth", String(hops)), grow = arg("grow", "no"), only = arg("only", "");
const kind = arg("kind", "recirc"), init = arg("init", "default"), loss = arg("loss", "staged") as any, amax = +arg("amax", "0.1"), every = +arg("every", "500");
await ready({ backend: "cpu" });
const task = new HopTask({ nodes, hops, form });
const stateStream = kind === "plain" ? undefined : { alphaMin: 0.015, alphaMax: amax, ...(kind === "recirc" && { recirculate: true }) };
const config = { ...smallDecoder({ hiddenSize: d, vocabSize: task.vocabulary.size, numHiddenLayers: L, ...(stateStream && { stateStream }) }), ropeTheta: +arg("rope", "10000"), ...(arg("kvh", "") && { numKeyValueHeads: 4 }) };
const opts = init === "small" ? smallAlphaInitialization : init === "e1" ? { embeddingDeviation: 1 } : init === "e.3" ? { embeddingDeviation: 0.3 } : {};
const model = DecoderModel.fromData(initializeModel(config, new Random(`weights/${seed}`), opts));
const growBy = +arg("growsteps", "200");
const plan = arg("plan", "").split(",").filter(Boolean).map((x) => x.split(":").map(Number));
const stageAt = (step: number) => plan.length ? plan.filter(([from]) => step >= from!).at(-1)![1]! : grow === "no" ? hops : Math.min(hops, 1 + Math.floor(Math.max(0, step - +arg("first", "300") + growBy) / growBy));
const itersAt = (step: number) => { if (arg("sample", "no") === "yes") return new Random(`it/${seed}/${step}`).integer(stageAt(step)) + 1; return Math.min(depth, stageAt(step)); };
const trainer = new Trainer(model, { steps, learningRate: lr, ...(arg("warm","")&&{warmupSteps:+arg("warm","50")}), weightDecay: +arg("wd","0.01"), finalFraction: +arg("final", "0.05"), streamRateFactor: +arg("factor", "10"), ...(arg("queries","1") === "1" && { forward: { lastPositionOnly: true } }), deliberation: kind === "plain" ? { iterations: 1, loss: "all" } : { iterations: itersAt, positions: [-1], loss } });
async function evaluate(n: number) {
  const batch = hopBatch(task, { seed: seed + 1000, split: "test", index: 0, batchSize: 500, from: 1, to: hops });
  const weights = model.weights();
  const rows = Array.from({ length: 500 }, (_, r) => batch.tokens.subarray(r * batch.time, (r + 1) * batch.time));
  const t = tokenTensor(rows, config);
  const logits = forward(weights, t, n === 1 ? { lastPositionOnly: true } : { lastPositionOnly: true, iterations: { count: n, positions: [-1] }, everyIteration: true });
  const am = argMax(logits, -1); const a = await am.data();
  const acc = Array.from({ length: n }, (_, i) => rows.filter((_, r) => a[r * n + i] === batch.labels[(r + 1) * batch.time - 1]).length / 500);
  logits.dispose(); t.dispose(); am.dispose(); weights.dispose();
  return acc;
}
const t0 = performance.now(); let total = 0, cnt = 0;
const sizes = arg("sizes", "").split(",").map(Number); const sizeSteps = +arg("sizesteps", "1000");
const drawSize = (step: number) => { const r = new Random(`sz/${seed}/${step}`); return step >= sizeSteps ? nodes : sizes[r.integer(sizes.length)]!; };
const next = (step: number) => [hopBatch(task, { seed, split: "train", index: step, batchSize: B, asksBack: arg("back", "no") === "yes" && step < +arg("backsteps", "100000"), ...(stageAt(step) === 1 && { queries: +arg("queries", "1") }), ...(arg("sizes", "") && { entries: drawSize(step) }), from: 1, to: arg("growhops","no") === "yes" ? stageAt(step) : hops })];
for (let q = 0; q < steps; q++) { const r = await trainer.step(next(q)); total += r.loss; cnt++; if (r.step % 100 === 0) { console.log(r.step, (total / cnt).toFixed(4), r.gradientNorm.toFixed(2), ((process.cpuUsage().user) / 1e6).toFixed(0) + "cpu s"); total = cnt = 0; if (r.step % every === 0) { const st = stageAt(r.step); console.log("   at", st, (await evaluate(kind === "plain" ? 1 : hops)).map((x) => x.toFixed(2)).join(" ")); } } }
const ev = async () => console.log(kind, form, seed, "acc", (await evaluate(kind === "plain" ? 1 : hops)).map((x) => x.toFixed(3)).join(" "));
await ev();
