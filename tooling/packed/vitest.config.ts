import { nodeProject } from "@sst/vitest-config";

export default nodeProject({
  test: {
    globalSetup: "src/global-setup.ts",
    // Each file installs, builds and trains in processes of its own: side by side they would only take time from each other.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
