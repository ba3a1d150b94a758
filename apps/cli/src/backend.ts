/** Bringing a device to life: both of our backends register themselves here. */
import "@sst/backend-cpu";
import "@sst/backend-webgpu";
import { type Device, ready } from "@sst/tensor";

export async function openBackend(name: string | undefined): Promise<Device> {
  return ready(name === undefined ? {} : { backend: name });
}
