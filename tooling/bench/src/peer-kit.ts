/** What the peers' scripts share with ours. They import it as it was built. */
export { secondsPerRun, serve } from "./engine/serve.js";
export { operands } from "./models/operands.js";
export { prompt } from "./models/prompt.js";
export { readTrainingProblem } from "./models/training-problem.js";
