/**
 * What the hub says of a model or a data set: which commit a revision is, which files it holds, where they are. Asked through Hugging
 * Face's own library, with requests of ours under it, which are repeated, do not hang and are explained.
 */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { collect, HttpClient, type HttpOptions } from "../files/http-client.js";
import type { DigestKind } from "./digest.js";
import type { HubId } from "./hub-id.js";

/** A list of files or an answer about one is not longer. */
const LONGEST_ANSWER_BYTES = 2 ** 26;

export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly digestKind: DigestKind;
}

const hex = (digits: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`)));
const commitSchema = v.object({ sha: hex(40) });
const sizeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.object({
  path: v.string(),
  size: sizeSchema,
  oid: hex(40),
  lfs: v.optional(v.object({ oid: hex(64), size: sizeSchema })),
});

export class HubApi {
  readonly client: HttpClient;

  /** @param token goes to the hub itself and to no other host */
  constructor(
    readonly endpoint: string,
    readonly id: HubId,
    private readonly revision: string,
    token: string | undefined,
    private readonly options: HttpOptions,
  ) {
    // A header that cannot be sent is named by whoever refuses it, with what is in it.
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
      throw new SstError("invalid-argument", "the token for the hub holds characters that none has: copy it anew");
    }
    const { origin } = new URL(endpoint);
    this.client = new HttpClient(options, (url) =>
      token !== undefined && new URL(url).origin === origin ? { Authorization: `Bearer ${token}` } : {},
    );
  }

  /** Which commit the revision is. */
  async commit(): Promise<string> {
    const { datasetInfo, modelInfo } = await import("@huggingface/hub");
    const { kind, repository } = this.id;
    const question = {
      name: repository,
      revision: this.revision,
      additionalFields: ["sha" as const],
      hubUrl: this.endpoint,
      fetch: this.#fetch(kind === "model" ? "the model" : "the data set"),
    };
    const info = await this.#understood<unknown>(() =>
      kind === "model" ? modelInfo(question) : datasetInfo(question),
    );
    return this.#parsed(commitSchema, info).sha;
  }

  /** The files of a commit, without those in folders. */
  async files(commit: string): Promise<HubFile[]> {
    const { listFiles } = await import("@huggingface/hub");
    const entries = listFiles({
      repo: this.#repo,
      revision: commit,
      hubUrl: this.endpoint,
      fetch: this.#fetch("the list of files"),
    });
    return this.#understood(async () => {
      const files: HubFile[] = [];
      for await (const entry of entries) if (entry.type === "file") files.push(this.#file(entry));
      return files;
    });
  }

  /** Where a file of a commit is. */
  async address(commit: string, path: string): Promise<string> {
    const { fileDownloadInfo } = await import("@huggingface/hub");
    const info = await this.#understood(() =>
      fileDownloadInfo({
        repo: this.#repo,
        path,
        revision: commit,
        hubUrl: this.endpoint,
        fetch: this.#fetch(`file "${path}"`),
      }),
    );
    if (info !== null) return info.url;
    throw this.refused(`file "${path}"`, 404);
  }

  /** What an answer that is none of a file means. */
  refused(what: string, status: number, code?: string | null): SstError {
    const answered = `the hub answers ${status} for ${what} of ${this.#where}`;
    if (status === 401 || status === 403) {
      return new SstError(
        "access-denied",
        `${answered}: is the name right? It may be private or gated: ask for access on its page, then give a token that may ` +
          "read it (HF_TOKEN, or the option token)",
      );
    }
    if (status === 404) {
      const missing =
        code === "RevisionNotFound"
          ? "it has no such revision"
          : "is the name right, and is it there in this revision?";
      return new SstError("file-not-found", `${answered}: ${missing}`);
    }
    return new SstError("download-failed", `${answered}; try again later`);
  }

  get #repo() {
    return { type: this.id.kind, name: this.id.repository };
  }

  get #where(): string {
    return `${this.id.repository}, revision ${this.revision}, at ${this.endpoint}`;
  }

  #file(entry: unknown): HubFile {
    const { path, size, oid, lfs } = this.#parsed(entrySchema, entry);
    return lfs
      ? { path, sizeBytes: lfs.size, digest: lfs.oid, digestKind: "sha256" }
      : { path, sizeBytes: size, digest: oid, digestKind: "git-blob" };
  }

  /**
   * A `fetch` for the library.
   *
   * @throws SstError `access-denied`, `file-not-found` or `download-failed`, naming model, revision and what was asked for
   */
  #fetch(what: string): typeof fetch {
    return async (input, init = {}) => {
      const url = String(input);
      return this.client.retrying(url, async () => {
        const body = await this.client.attempt(url, init);
        const isGood = body.status >= 200 && body.status < 300;
        if (!isGood) {
          await body.cancel();
          throw this.refused(what, body.status, body.headers.get("x-error-code"));
        }
        const bytes = await collect(body, LONGEST_ANSWER_BYTES, url);
        return new Response(bytes as Uint8Array<ArrayBuffer>, { status: body.status, headers: body.headers });
      });
    };
  }

  /** Errors of ours as they are; those of the library, which cannot make sense of an answer, as one of the hub. */
  async #understood<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (cause) {
      // Whoever has ended the download hears their own reason.
      if (cause instanceof SstError || this.options.signal?.aborted) throw cause;
      throw this.#strange((cause as Error).message, cause);
    }
  }

  #parsed<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    const issue = result.issues[0] as v.BaseIssue<unknown>;
    throw this.#strange(`field "${v.getDotPath(issue) ?? ""}": ${issue.message}`);
  }

  #strange(complaint: string, cause?: unknown): SstError {
    return new SstError(
      "download-failed",
      `what answers for ${this.#where} does not speak as the hub does (${complaint}): is the endpoint right?`,
      { cause },
    );
  }
}
