/** Bringing a device to life: our backends register themselves here. */
import "@sst/backend-cpu";
import "@sst/backend-js";
import "@sst/backend-webgpu";
import { type ReadyDevice, ready } from "@sst/tensor";

export async function openBackend(name: string | undefined): Promise<ReadyDevice> {
  return ready(name === undefined ? {} : { backend: name });
}
