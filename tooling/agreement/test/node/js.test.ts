import "@sst/backend-cpu";
import "@sst/backend-js";
import { agreesWithCpu } from "../agreement.js";
import { noticesBreakdownsOn } from "../breakdowns.js";

agreesWithCpu("js");
noticesBreakdownsOn("js");
