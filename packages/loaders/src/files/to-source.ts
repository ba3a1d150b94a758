/** What a text that names a model stands for. */
import { SstError } from "@sst/tensor";
import { isHubId } from "../hub/hub-id.js";
import { type HubOptions, hubSource } from "../hub/hub-source.js";
import type { FileSource } from "./file-source.js";
import { folderSource, isFolder } from "./folder-source.js";
import { httpSource } from "./http-source.js";
import { runsInNode } from "./runtime.js";

/**
 * A source is itself. Of a text:
 *
 * 1. `http://…` and `https://…` are addresses on the web;
 * 2. `hf://owner/name`, with `@revision` behind it or not, is a model on the hub, `hf://datasets/owner/name` a data set;
 * 3. a folder that exists is that folder;
 * 4. `owner/name` (or `owner/name@revision`), where there is no such folder, is a model on the hub.
 *
 * @param options for the web and the hub
 * @throws SstError `file-not-found` where the text is none of these, naming what was tried; what `hubSource` throws
 */
export async function toSource(source: string | FileSource, options: HubOptions = {}): Promise<FileSource> {
  if (typeof source !== "string") return source;
  if (/^https?:\/\//.test(source)) return httpSource(source, options);
  if (source.startsWith("hf://")) return hubSource(source, options);
  const mayBeFolder = runsInNode();
  if (!isHubId(source) || (mayBeFolder && (await isFolder(source)))) return folderSource(source);
  try {
    return await hubSource(source, options);
  } catch (error) {
    if (!mayBeFolder || !(error instanceof SstError)) throw error;
    throw new SstError(error.code, `there is no folder "${source}", so the hub was asked: ${error.message}`, {
      cause: error,
    });
  }
}
