import "@sst/backend-cpu";
import "@sst/backend-js";
import { agreesWithCpu } from "../agreement.js";

agreesWithCpu("js");
