/** Reading memory from WebAssembly: `node memory-reading.js BYTES`, seconds of reading so many once. */
import { secondsPerRun, serve } from "../engine/serve.js";
import { memoryReader } from "../wasm/read-bandwidth.js";

const MEASURED_MS = 150;

const [bytes = "0"] = process.argv.slice(2);

await serve(async () => {
  const reader = memoryReader(Number(bytes));

  return async () => ({
    seconds: ((await secondsPerRun(() => reader.read(), MEASURED_MS)) * Number(bytes)) / reader.bytes,
  });
});
