import { nodeProject } from "@sst/vitest-config";

export default nodeProject();
