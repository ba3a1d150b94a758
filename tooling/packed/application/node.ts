/** The model in plain Node. */
import "@sst/backend-cpu";
import { logitsOn } from "./logits.ts";

console.log(JSON.stringify(await logitsOn("cpu")));
