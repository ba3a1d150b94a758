/** Threads in Node. */
import { threadSuite } from "../thread-suite.js";

threadSuite();
