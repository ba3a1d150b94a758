import { nodeAndChromium } from "@sst/vitest-config/chromium";

export default nodeAndChromium({ isolated: true });
