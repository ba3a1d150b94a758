import "@sst/backend-webgpu";
import { matMul, ready, tensor } from "@sst/tensor";

const { backend } = await ready({ backend: "webgpu" });
const rotation = tensor([0, 1, -1, 0], [2, 2]);
const points = tensor([1, 0, 0, 1, 3, 4], [3, 2]);
const turned = matMul(points, rotation);
console.log(backend, Array.from(await turned.data()));
for (const each of [rotation, points, turned]) each.dispose();
