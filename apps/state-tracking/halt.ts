import "@sst/backend-cpu";
import { readDepths, learnedHalting, evaluateHalting, untilSettled } from "@sst/eval";
import { HopTask, hopBatch, loadModel } from "@sst/loaders";
import { ready } from "@sst/tensor";
await ready({ backend: "cpu" });
const m = process.argv[2]!;
const model = await loadModel(m);
const task = new HopTask({ form: "packed", nodes: 8, hops: 6 });
const b = (split: any) => Array.from({ length: 4 }, (_, index) => hopBatch(task, { seed: 0, split, index, batchSize: 250, from: 1, to: 4 }));
const fit = await readDepths(model, b("validation"), 4); const test = await readDepths(model, b("test"), 4);
for (const t of [0.3, 0.5, 0.7, 0.8, 0.9, 0.95]) { const r = evaluateHalting(test, learnedHalting(fit, t), 4); console.log(t, r); }
const p = learnedHalting(fit, 0.8); const s = untilSettled(0.05);
console.log("both", evaluateHalting(test, (x) => p(x) || s(x), 4));
for (const n of [0.01, 0.05, 0.2, 0.5, 1]) console.log("settled", n, evaluateHalting(test, untilSettled(n), 4));
// confidence statistics by (k - i)
