/** Our decoding: `node decoding.js FOLDER [FORMAT [ACTIVATIONS]]`, the model in the folder, greedily after the common prompt. */
import "@sst/backend-cpu";
import { generate } from "@sst/infer";
import { activationFormats } from "@sst/layers";
import { loadModel } from "@sst/loaders";
import { ready, weightFormats } from "@sst/tensor";
import { serve } from "../engine/serve.js";
import { prompt } from "../models/prompt.js";

const [folder = "", format, rounding] = process.argv.slice(2);

await serve(async () => {
  await ready({ backend: "cpu" });
  const quantize = weightFormats.find((each) => each === format);
  const activations = activationFormats.find((each) => each === rounding);
  const model = await loadModel(folder, { quantize, activations });

  return async ({ count, iterations = 1 }: { count: number; iterations?: number }) => {
    const tokens: number[] = [];
    let started = 0;
    // The first token costs the prompt; the clock runs from there.
    for await (const token of generate(model, prompt, { maxNewTokens: count + 1, iterations })) {
      if (tokens.length === 0) started = performance.now();
      tokens.push(token);
    }
    return { seconds: (performance.now() - started) / 1000 / count, tokens };
  };
});
