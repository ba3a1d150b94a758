/** Names of models on the hub: `owner/name`, with `@revision` behind it or not, and `hf://` before it or not. */
import { SstError } from "@sst/tensor";

export interface HubId {
  readonly repository: string;
  readonly revision?: string | undefined;
}

/** The hub's own rule for names. A few old models have no owner. */
const pattern = /^(?:hf:\/\/)?((?:[\w][\w.-]*\/)?[\w][\w.-]*)(?:@([\w][\w./-]*))?$/;

/** Whether a text without `hf://` may be one: it has an owner, so that it is not taken for the name of a folder. */
export function isHubId(text: string): boolean {
  return pattern.test(text) && text.split("@")[0]?.includes("/") === true;
}

/** @throws SstError `invalid-argument` */
export function parseHubId(text: string): HubId {
  const [, repository, revision] = pattern.exec(text) ?? [];
  if (repository !== undefined && !text.includes("..")) return { repository, revision };
  throw new SstError(
    "invalid-argument",
    `"${text}" is no name of a model on the hub: write hf://owner/name, or hf://owner/name@revision`,
  );
}
