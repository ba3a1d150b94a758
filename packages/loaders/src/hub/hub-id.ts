/**
 * Names on the hub: of models `owner/name`, with `@revision` behind it or not, and `hf://` before it or not; of data sets
 * `hf://datasets/owner/name`, as Hugging Face's own tools have it.
 */
import { SstError } from "@sst/tensor";

export interface HubId {
  readonly kind: "model" | "dataset";
  readonly repository: string;
  readonly revision?: string | undefined;
}

/** The hub's own rule for names. A few old models have no owner. */
const pattern = /^(?:hf:\/\/(datasets\/)?)?((?:[\w][\w.-]*\/)?[\w][\w.-]*)(?:@([\w][\w./-]*))?$/;

/** Whether a text without `hf://` may be one: it has an owner, so that it is not taken for the name of a folder. */
export function isHubId(text: string): boolean {
  return pattern.test(text) && text.split("@")[0]?.includes("/") === true;
}

/** @throws SstError `invalid-argument` */
export function parseHubId(text: string): HubId {
  const [, folder, repository, revision] = pattern.exec(text) ?? [];
  if (repository !== undefined && !text.includes("..")) {
    return { kind: folder === undefined ? "model" : "dataset", repository, revision };
  }
  throw new SstError(
    "invalid-argument",
    `"${text}" is no name on the hub: write hf://owner/name, hf://owner/name@revision, or hf://datasets/owner/name`,
  );
}
