/** Choice among given answers: which tokens may come next, so that one of them comes out. */
import { SstError } from "@sst/tensor";

/** A place within the answers: after what was chosen so far. Places are shared, and stay as they are. */
export interface ChoicePlace {
  /** The tokens that may come next (`allowed` of `Sampler.next`); none once an answer is chosen. */
  readonly allowed: readonly number[];
  /** The answer that is complete here, by its index. Where tokens are allowed, it is chosen only by an end token. */
  readonly answer: number | undefined;
  /** @throws SstError `invalid-argument` for a token that is not allowed */
  after(token: number): ChoicePlace;
}

/**
 * Answers as tokens, the common beginnings once. An answer is chosen as soon as no other can come; one that another begins with is
 * chosen by an end token after it.
 */
export class ChoiceTrie {
  /** Before the first token. */
  readonly start: ChoicePlace;

  /**
   * @param answers tokens of each, without end tokens
   * @param endTokens what the model ends a text with; needed only where one answer is the beginning of another
   * @throws SstError `invalid-argument` for no answers, an empty one, two that are equal, and an end token that goes on in an
   * answer; `contradiction` for an answer that begins another without end tokens
   */
  constructor(answers: readonly (readonly number[])[], endTokens: readonly number[] = []) {
    if (answers.length === 0) throw new SstError("invalid-argument", "there are no answers to choose from");
    const root = new TrieNode();
    for (const [index, tokens] of answers.entries()) insert(root, tokens, index);
    close(root, endTokens);
    this.start = root;
  }
}

class TrieNode implements ChoicePlace {
  readonly next = new Map<number, TrieNode>();
  allowed: readonly number[] = [];
  answer: number | undefined;

  after(token: number): ChoicePlace {
    const place = this.next.get(token);
    if (place !== undefined) return place;
    const choices = this.allowed.length === 0 ? "the answer is complete" : `allowed are ${this.allowed.join(", ")}`;
    throw new SstError("invalid-argument", `the token ${token} leads to no answer: ${choices}`);
  }
}

function insert(root: TrieNode, tokens: readonly number[], index: number): void {
  if (tokens.length === 0) throw new SstError("invalid-argument", `answer ${index} has no tokens`);
  let node = root;
  for (const token of tokens) {
    const next = node.next.get(token) ?? new TrieNode();
    node.next.set(token, next);
    node = next;
  }
  if (node.answer !== undefined) {
    throw new SstError("invalid-argument", `answers ${node.answer} and ${index} have the same tokens: leave one out`);
  }
  node.answer = index;
}

/** Says what is allowed, and puts end tokens after answers that others begin with. */
function close(node: TrieNode, endTokens: readonly number[]): void {
  for (const child of node.next.values()) close(child, endTokens);
  if (node.answer !== undefined && node.next.size > 0) {
    if (endTokens.length === 0) {
      throw new SstError(
        "contradiction",
        `another answer begins with answer ${node.answer}: give end tokens to tell them apart`,
      );
    }
    const chosen = new TrieNode();
    chosen.answer = node.answer;
    for (const token of endTokens) {
      if (node.next.has(token)) {
        throw new SstError("invalid-argument", `the end token ${token} also goes on after answer ${node.answer}`);
      }
      node.next.set(token, chosen);
    }
  }
  node.allowed = [...node.next.keys()];
}
