/**
 * The bounds of alpha in the metadata of `state_stream.safetensors`, as it lies beside a GGUF file, which has no place for what
 * `config.json` says elsewhere.
 */
import type { StateStreamConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { streamFile } from "./file-names.js";

const boundsSchema = v.object({
  format_version: v.literal("1"),
  alpha_min: v.pipe(v.string(), v.transform(Number), v.minValue(0), v.ltValue(1)),
  alpha_max: v.pipe(v.string(), v.transform(Number), v.minValue(0), v.ltValue(1)),
  recirculate: v.optional(v.picklist(["true", "false"]), "false"),
});

/** @throws SstError `file-corrupt` for metadata that say no bounds */
export function streamConfigOf(metadata: Readonly<Record<string, string>>): StateStreamConfig {
  const result = v.safeParse(boundsSchema, metadata);
  if (!result.success || !(result.output.alpha_min <= result.output.alpha_max)) {
    throw new SstError(
      "file-corrupt",
      `${streamFile}: beside a GGUF file its metadata should hold format_version "1" and the bounds alpha_min and alpha_max, ` +
        `but hold ${JSON.stringify(metadata)}: write the folder again`,
    );
  }
  const { alpha_min, alpha_max, recirculate } = result.output;
  return { alphaMin: alpha_min, alphaMax: alpha_max, ...(recirculate === "true" && { recirculate: true }) };
}

export function streamMetadata({ alphaMin, alphaMax, recirculate }: StateStreamConfig): Record<string, string> {
  return {
    format_version: "1",
    alpha_min: String(alphaMin),
    alpha_max: String(alphaMax),
    ...(recirculate && { recirculate: "true" }),
  };
}
