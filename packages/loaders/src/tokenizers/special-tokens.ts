/** The names of special tokens, as `tokenizer_config.json` and, in older folders, `special_tokens_map.json` give them. */
import * as v from "valibot";
import { parseJson } from "../files/json.js";

const token = v.pipe(
  v.union([v.string(), v.looseObject({ content: v.string() })]),
  v.transform((given) => (typeof given === "string" ? given : given.content)),
);

const roles = ["bos_token", "eos_token", "unk_token", "pad_token"] as const;

/** By the name that chat templates know them by; what the files leave out or null is left out. */
export type SpecialTokens = Readonly<Partial<Record<(typeof roles)[number], string>>>;

const schema = v.looseObject(v.entriesFromList(roles, v.nullish(token)));

/** @throws SstError `file-corrupt` */
export function readSpecialTokens(bytes: Uint8Array, fileName: string): SpecialTokens {
  const found = parseJson(bytes, schema, fileName);
  const named = roles.map((role) => [role, found[role]] as const);
  return Object.fromEntries(named.filter(([, name]) => name != null));
}
