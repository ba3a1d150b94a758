/** Digests of a file that comes piece by piece: in Node its own, in a browser, which has none for pieces, a library's. */
import { runsInNode } from "../files/runtime.js";

export interface Digest {
  update(bytes: Uint8Array): void;
  /** In hexadecimal digits. */
  end(): string;
}

/** How the hub says what a file holds: large files by SHA-256, the others as git does. */
export type DigestKind = "sha256" | "git-blob";

/** @param sizeBytes of the whole file, which git's digest begins with */
export async function createDigest(kind: DigestKind, sizeBytes: number): Promise<Digest> {
  const digest = await (runsInNode() ? nodeDigest(kind) : libraryDigest(kind));
  if (kind === "git-blob") digest.update(new TextEncoder().encode(`blob ${sizeBytes}\0`));
  return digest;
}

async function nodeDigest(kind: DigestKind): Promise<Digest> {
  const { createHash } = await import("node:crypto");
  const hash = createHash(kind === "sha256" ? "sha256" : "sha1");
  return { update: (bytes) => void hash.update(bytes), end: () => hash.digest("hex") };
}

async function libraryDigest(kind: DigestKind): Promise<Digest> {
  const { bytesToHex } = await import("@noble/hashes/utils.js");
  const hash =
    kind === "sha256"
      ? (await import("@noble/hashes/sha2.js")).sha256.create()
      : (await import("@noble/hashes/legacy.js")).sha1.create();
  return { update: (bytes) => void hash.update(bytes), end: () => bytesToHex(hash.digest()) };
}
