/** The metadata of a GGUF file, each asked for as what it should be. */
import { corrupt } from "./errors.js";

export class Metadata {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    readonly fileName: string,
  ) {}

  has(key: string): boolean {
    return Object.hasOwn(this.values, key);
  }

  /** @throws SstError `file-corrupt`, as all of these, where it is something else */
  text(key: string): string | undefined {
    return this.#get(key, "a text", isText);
  }

  flag(key: string): boolean | undefined {
    return this.#get(key, "true or false", (value): value is boolean => typeof value === "boolean");
  }

  /** From 0 on. */
  whole(key: string): number | undefined {
    const value = this.#get(key, "a whole number", isWhole);
    return value === undefined ? undefined : Number(value);
  }

  /** Finite; the shortest decimal number that the file's float32 is nearest to. */
  real(key: string): number | undefined {
    const value = this.#get(key, "a finite number", Number.isFinite as (value: unknown) => value is number);
    return value === undefined ? undefined : shortest(value);
  }

  texts(key: string): readonly string[] | undefined {
    return this.#list(key, "texts", isText);
  }

  wholes(key: string): readonly number[] | undefined {
    return this.#list(key, "whole numbers", isWhole)?.map(Number);
  }

  reals(key: string): readonly number[] | undefined {
    return this.#list(key, "finite numbers", Number.isFinite as (value: unknown) => value is number);
  }

  /** What it is, where nothing may be missing. */
  required<Value>(key: string, value: Value | undefined): Value {
    if (value !== undefined) return value;
    throw corrupt(this.fileName, `it lacks the metadata "${key}": is it a whole model?`);
  }

  /** As it is, for what is only compared. */
  raw(key: string): unknown {
    return this.has(key) ? this.values[key] : undefined;
  }

  #list<Value>(key: string, what: string, is: (value: unknown) => value is Value): readonly Value[] | undefined {
    const areAll = (value: unknown): value is Value[] => Array.isArray(value) && value.every(is);
    return this.#get(key, `a list of ${what}`, areAll);
  }

  #get<Value>(key: string, what: string, is: (value: unknown) => value is Value): Value | undefined {
    const value = this.raw(key);
    if (value === undefined || is(value)) return value;
    const found = Array.isArray(value) ? `a list of ${value.length}` : `${typeof value} ${value}`;
    throw corrupt(this.fileName, `the metadata "${key}" should be ${what}, but is ${found}`);
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is number | bigint {
  const number = typeof value === "bigint" ? Number(value) : value;
  return Number.isSafeInteger(number) && (number as number) >= 0;
}

function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
