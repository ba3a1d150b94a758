/** What was said so far, as the model is given it. */
import type { ChatMessage, ChatTemplate, Tokenizer } from "@sst/loaders";

export class Conversation {
  #messages: ChatMessage[] = [];
  /** What goes before the first message; empty for nothing. */
  system = "";

  constructor(
    private readonly template: ChatTemplate,
    private readonly tokenizer: Tokenizer,
  ) {}

  get length(): number {
    return this.#messages.length;
  }

  /**
   * Tokens of everything that was said, of the question, and of what begins the answer.
   *
   * @throws SstError `invalid-argument` where the template refuses it
   */
  promptFor(question: string): number[] {
    const system = this.system === "" ? [] : [{ role: "system", content: this.system }];
    const messages = [...system, ...this.#messages, { role: "user", content: question }];
    return this.tokenizer.encode(this.template.render(messages, { addGenerationPrompt: true }), {
      addSpecialTokens: false,
    });
  }

  add(question: string, answer: string): void {
    this.#messages.push({ role: "user", content: question }, { role: "assistant", content: answer });
  }

  reset(): void {
    this.#messages = [];
  }
}
