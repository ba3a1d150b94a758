import { nodeAndChromium } from "@sst/vitest-config/chromium";

export default nodeAndChromium({ nodeTests: "test", chromiumSetup: "test/browser/servers.ts" });
