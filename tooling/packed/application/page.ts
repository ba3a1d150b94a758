/** Asks itself, and a worker on both of its devices, and writes what they say into the page. */
import "@sst/backend-cpu";
import "@sst/backend-webgpu";
import { logitsOn } from "./logits.ts";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

function workerOn(backend: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
    worker.postMessage(backend);
  });
}

const results = {
  page: await logitsOn("cpu"),
  worker: await workerOn("cpu"),
  webgpu: await workerOn("webgpu"),
};
(document.querySelector("#results") as HTMLElement).textContent = JSON.stringify(results);
