/** What the word problems tell: a state, how it is told, and the sentences that change it. Ours. */

export interface Story {
  readonly name: string;
  /** The states, by what a question for them is answered with: one word each. */
  readonly answers: readonly string[];
  /** What the story is about; one of these words stands for THINGS. */
  readonly things: readonly string[];
  /** The first sentence, which tells the state. WHO and SHE are a person. */
  readonly opening: (state: number) => string;
  readonly events: readonly StoryEvent[];
}

export interface StoryEvent {
  /** Ways to say it. */
  readonly texts: readonly string[];
  readonly apply: (state: number) => number;
}

const remainders = ["0", "1", "2", "3", "4"];

/** Things go in boxes of five, a box is opened when they run short: how many are loose? */
const boxes: Story = {
  name: "boxes",
  answers: remainders,
  things: ["eggs", "apples", "cakes", "pears"],
  opening: (state) => `WHO has ${state} loose THINGS .`,
  events: [
    ...[1, 2, 3, 4].map((count) => ({
      texts: [`SHE buys ${count} .`, `WHO finds ${count} .`],
      apply: (state: number) => (state + count) % 5,
    })),
    ...[1, 2, 3, 4].map((count) => ({
      texts: [`SHE sells ${count} .`, `WHO loses ${count} .`],
      apply: (state: number) => (state + 5 - count) % 5,
    })),
  ],
};

const places = ["left", "middle", "right"];

/** A coin under one of three cups in a row, which change places: where is it? */
const cups: Story = {
  name: "cups",
  answers: places,
  things: ["coin", "ring", "key"],
  opening: (state) => `WHO puts the THINGS under the ${places[state]} cup .`,
  events: [
    swapped(0, 1, "swaps left and middle"),
    swapped(1, 2, "swaps middle and right"),
    swapped(0, 2, "swaps left and right"),
    { texts: ["SHE moves left to right ."], apply: (state) => (state + 2) % 3 },
    { texts: ["SHE moves right to left ."], apply: (state) => (state + 1) % 3 },
  ],
};

function swapped(one: number, other: number, how: string): StoryEvent {
  return {
    texts: [`SHE ${how} .`, `WHO ${how} .`],
    apply: (state) => (state === one ? other : state === other ? one : state),
  };
}

const directions = ["north", "east", "south", "west"];

/** Somebody stands in a field and turns: which way now? */
const compass: Story = {
  name: "compass",
  answers: directions,
  things: ["hill"],
  opening: (state) => `WHO looks ${directions[state]} .`,
  events: [
    turned(1, ["SHE turns right .", "WHO turns right ."]),
    turned(3, ["SHE turns left .", "WHO turns left ."]),
    turned(2, ["SHE turns around .", "WHO turns around ."]),
    turned(0, ["SHE waits .", "WHO waits ."]),
  ],
};

function turned(quarters: number, texts: readonly string[]): StoryEvent {
  return { texts, apply: (state) => (state + quarters) % 4 };
}

export const stories: readonly Story[] = [boxes, cups, compass];
