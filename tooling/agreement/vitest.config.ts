import { nodeAndChromium } from "@sst/vitest-config/chromium";

export default nodeAndChromium({ timeoutMs: 400_000 });
