/**
 * Word problems, generated: a state is told (a number, a place), sentence after sentence changes it, and the answer after
 * each sentence is what it is by then. The text never repeats it, so it has to be carried along; with its steps written out
 * (the answer after every sentence) each step needs only the one before. Ours.
 */
import { type Random, SstError } from "@sst/tensor";
import { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";
import { type Story, stories } from "./stories.js";

export interface WordProblem {
  readonly words: readonly string[];
  /** After which of the words an answer is asked for, and which: one for every sentence, the one that tells the state first. */
  readonly answers: readonly { readonly after: number; readonly answer: string }[];
}

/** Word problems of one or several stories on one vocabulary. */
export class WordProblems {
  readonly vocabulary: SymbolVocabulary;
  readonly #stories: readonly Story[];

  /** @throws SstError `invalid-argument` for an unknown story, naming the known ones, or for none */
  constructor(names: readonly string[]) {
    this.#stories = names.map(storyOf);
    if (names.length === 0) throw new SstError("invalid-argument", "word problems need at least one story");
    const words = this.#stories.flatMap(wordsOf);
    this.vocabulary = new SymbolVocabulary("word-problems", [startName, ...new Set(words)], startName);
  }

  /** Chance level at best: always one of the answers of the story that has fewest. */
  get chance(): number {
    return 1 / Math.min(...this.#stories.map(({ answers }) => answers.length));
  }

  /** A problem of so many sentences after the one that tells the state. */
  sample(random: Random, sentences: number): WordProblem {
    const story = this.#stories[random.integer(this.#stories.length)] as Story;
    const { who, pronoun } = pick(random, people);
    const names: Record<string, string> = { WHO: who, SHE: pronoun, THINGS: pick(random, story.things) };
    const words: string[] = [];
    const answers: { after: number; answer: string }[] = [];
    const tell = (text: string, state: number) => {
      words.push(...text.split(" ").map((word) => names[word] ?? word));
      answers.push({ after: words.length - 1, answer: story.answers[state] as string });
    };
    let state = random.integer(story.answers.length);
    tell(story.opening(state), state);
    for (let count = 0; count < sentences; count++) {
      const event = pick(random, story.events);
      state = event.apply(state);
      tell(pick(random, event.texts), state);
    }
    return { words, answers };
  }
}

export const storyNames: readonly string[] = stories.map(({ name }) => name);

const startName = "<problem>";

const people = [
  { who: "mia", pronoun: "she" },
  { who: "tom", pronoun: "he" },
  { who: "ann", pronoun: "she" },
  { who: "ben", pronoun: "he" },
];

function storyOf(name: string): Story {
  const story = stories.find((each) => each.name === name);
  if (story !== undefined) return story;
  throw new SstError("invalid-argument", `there is no story "${name}"; there are ${storyNames.join(", ")}`);
}

function wordsOf({ opening, events, answers, things }: Story): string[] {
  const texts = [...answers.map((_, state) => opening(state)), ...events.flatMap((event) => event.texts)];
  const placeholders = ["WHO", "SHE", "THINGS"];
  const words = texts.flatMap((text) => text.split(" ")).filter((word) => !placeholders.includes(word));
  return [...words, ...answers, ...things, ...people.flatMap(({ who, pronoun }) => [who, pronoun])];
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)] as T;
}
