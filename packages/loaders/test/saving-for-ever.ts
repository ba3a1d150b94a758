/** A process of its own that saves one checkpoint after the other until it is killed: `node saving-for-ever.ts FOLDER FIRST`. */
import { FolderCheckpointStore } from "@sst/loaders";

const [folder = "", first = "0"] = process.argv.slice(2);
const store = new FolderCheckpointStore(folder);
for (let step = Number(first); ; step++) {
  const filled = { shape: [64, 1024], data: new Float32Array(65_536).fill(step) };
  await store.save({ step, configuration: {}, state: { step }, tensors: { a: filled, b: filled, c: filled } });
  process.stdout.write(`${step}\n`);
}
