/** Reading memory from WebAssembly: `node memory-reading.js BYTES`, seconds of reading so many once, as fast as it goes. */
import { secondsPerRun, serve } from "../engine/serve.js";
import { memoryReader } from "../wasm/read-bandwidth.js";

/** Of each pattern. */
const MEASURED_MS = 60;

const [bytes = "0"] = process.argv.slice(2);

await serve(async () => {
  const reader = memoryReader(Number(bytes));

  return async () => {
    let fastest = Number.POSITIVE_INFINITY;
    for (const read of reader.patterns) fastest = Math.min(fastest, await secondsPerRun(read, MEASURED_MS));
    return { seconds: (fastest * Number(bytes)) / reader.bytes };
  };
});
