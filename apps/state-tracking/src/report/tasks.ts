/** What the report knows about the tasks: how they read, and what iterating on the last symbol would do to them. */

interface TaskText {
  readonly title: string;
  /** As it reads within a sentence. */
  readonly name: string;
  readonly question: string;
}

export function taskText(task: string): TaskText {
  const sum = /^sum(\d+)$/.exec(task);
  const permutations = /^s(\d+)$/.exec(task);
  if (task === "parity") {
    return {
      title: "Running parity",
      name: "running parity",
      question: "Have there been an odd or an even number of ones so far?",
    };
  }
  if (sum) {
    const modulus = sum[1] as string;
    return {
      title: `Running sum mod ${modulus}`,
      name: `running sum mod ${modulus}`,
      question: `What is the sum of all digits so far, modulo ${modulus}?`,
    };
  }
  if (permutations) {
    const size = permutations[1] as string;
    return {
      title: `Products in S${subscript(size)}`,
      name: `products in S${subscript(size)}`,
      question: `Which permutation of ${size} things do all permutations so far compose to?`,
    };
  }
  return { title: task, name: task, question: "What is the answer after each symbol?" };
}

/**
 * If i iterations at the last symbol x computed s·xⁱ instead of s·x, how often would the answer still be right? As often
 * as xⁱ⁻¹ is the identity for an x drawn evenly from the task's group. Undefined for a task whose group is not known.
 */
export function shareUnmovedByIterations(task: string, iterations: number): number | undefined {
  const orders = elementOrders(task);
  if (!orders) return undefined;
  return orders.filter((order) => (iterations - 1) % order === 0).length / orders.length;
}

/** The order of every element of the group whose products the task asks for. */
function elementOrders(task: string): number[] | undefined {
  if (task === "parity") return [1, 2];
  const sum = /^sum(\d+)$/.exec(task);
  if (sum) {
    const modulus = Number(sum[1]);
    return Array.from({ length: modulus }, (_, element) => modulus / greatestCommonDivisor(element, modulus));
  }
  const permutations = /^s([2-6])$/.exec(task);
  return permutations ? permutationOrders(Number(permutations[1])) : undefined;
}

function permutationOrders(size: number): number[] {
  return permutationsOf(Array.from({ length: size }, (_, index) => index)).map((permutation) => {
    let power = permutation;
    let order = 1;
    while (power.some((image, index) => image !== index)) {
      power = power.map((image) => permutation[image] as number);
      order++;
    }
    return order;
  });
}

function permutationsOf(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutationsOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

function greatestCommonDivisor(left: number, right: number): number {
  return left === 0 ? right : greatestCommonDivisor(right % left, left);
}

function subscript(digits: string): string {
  return [...digits].map((digit) => String.fromCodePoint(0x2080 + Number(digit))).join("");
}
