// Reads a model's folder in a process of its own and prints what that took, as JSON.
import "@sst/backend-cpu";
import { folderSource, loadModel, openFile, openSafetensors } from "@sst/loaders";
import { memory, ready } from "@sst/tensor";

const [mode, warmUp, folder] = process.argv.slice(2);

/** Every tensor once, and nothing of it is kept. */
async function readThrough(path) {
  const file = await openFile(await folderSource(path), "model.safetensors");
  const tensors = await openSafetensors(file, "model.safetensors");
  let values = 0;
  for (const name of Object.keys(tensors.shapes)) {
    await tensors.read(name, (piece) => {
      values += piece.length;
    });
  }
  await file.close();
  return values;
}

await ready({ backend: "cpu" });
// What code and backend take once, whatever the model.
await readThrough(warmUp);
(await loadModel(warmUp, { quantize: "int8" })).dispose();
const before = process.memoryUsage.rss();
const bytesBefore = memory().bytes;
const values = mode === "load" ? 0 : await readThrough(folder);
const model = mode === "load" ? await loadModel(folder, { quantize: "int8" }) : undefined;
const residentBytes = memory().bytes - bytesBefore;
const peakBytes = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(JSON.stringify({ values, residentBytes, peakBytes }));
model?.dispose();
