/**
 * Seeded random numbers (xoroshiro128+ of pure-rand). Randomness is always passed in, never global: the same seed gives
 * the same numbers on every machine.
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus, xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

export class Random {
  #generator: ReturnType<typeof xoroshiro128plus>;

  /** @param seed any integer, or a label such as `"s3/0/test"`; different seeds give independent streams */
  constructor(readonly seed: number | string) {
    this.#generator = xoroshiro128plus(hash(String(seed)));
  }

  /** Where the stream stands, as four numbers: a stream that is put there goes on with the same draws. */
  get state(): readonly number[] {
    return this.#generator.getState();
  }

  set state(state: readonly number[]) {
    this.#generator = xoroshiro128plusFromState(state);
  }

  /** A number in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** An integer in [0, bound). */
  integer(bound: number): number {
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** The items in random order (Fisher and Yates). */
  shuffled<Item>(items: Iterable<Item>): Item[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [result[last], result[other]] = [result[other] as Item, result[last] as Item];
    }
    return result;
  }

  /** A draw from the standard normal distribution (Box and Muller's transform). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** `count` draws from a normal distribution of mean 0. */
  normals(count: number, standardDeviation: number): Float32Array {
    return Float32Array.from({ length: count }, () => standardDeviation * this.normal());
  }

  /** An independent stream for a part of the work, the same one whatever was drawn from this one before. */
  fork(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }
}

/** FNV-1a over the UTF-16 units, then MurmurHash3's finaliser, so that neighbouring seeds start far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
