import { nodeProject } from "./src/index.js";

export default nodeProject();
