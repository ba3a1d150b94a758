import { preset } from "@sst/tsup-config";

export default preset({
  // The engine stays outside, shared by all packages; its registration of gradients comes in (see src/gradients.ts).
  noExternal: ["@tensorflow/tfjs-core/dist/register_all_gradients.js"],
});
