/** What tests need to know of the machine, and how they say why they do not run where it is missing. */
export { chromiumFlags, chromiumPath, sharedData, sharedGolden, vulkanDriver } from "./machine.js";
export { testReadme } from "./readme.js";
export { describeWhere, testWhere } from "./where.js";
