// Downloads a model's weights in a process of its own, and says how far it has come.
import { hubSource } from "@sst/loaders";

const [repository, settings] = process.argv.slice(2);
const onProgress = ({ loadedBytes }) => process.stdout.write(`${loadedBytes}\n`);
const source = await hubSource(repository, { ...JSON.parse(settings), onProgress });
await source.read("model.safetensors");
