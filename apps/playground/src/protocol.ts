/** What the page and its worker say to each other. */

export interface LoadRequest {
  readonly kind: "load";
  /** Where the two models lie. */
  readonly baseUrl: string;
  /** From the page's address: `?backend=cpu`. */
  readonly backend: string | undefined;
}

export interface RunRequest {
  readonly kind: "run";
  /** Symbols as typed. */
  readonly text: string;
  readonly iterations: number;
}

export type Request = LoadRequest | RunRequest;

/** Answers by position. */
export interface Answers {
  readonly symbols: readonly string[];
  readonly expected: readonly string[];
  readonly stream: readonly string[];
  readonly plain: readonly string[];
}

export type Response =
  | { readonly kind: "loaded"; readonly device: string; readonly task: string; readonly symbols: readonly string[] }
  | { readonly kind: "answers"; readonly answers: Answers; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly message: string };
