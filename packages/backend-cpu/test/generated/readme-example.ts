import "@sst/backend-cpu";
import { affineScan, ready, tensor } from "@sst/tensor";

const { backend } = await ready({ backend: "cpu" });
const coefficient = tensor([0.5, 0.5, 0.5], [1, 3, 1]);
const offset = tensor([1, 1, 1], [1, 3, 1]);
const { s } = affineScan({ coefficient, offset }, {});
console.log(backend, Array.from(await s!.data()));
for (const each of [coefficient, offset, s!]) each.dispose();
