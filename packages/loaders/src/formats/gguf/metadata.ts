/** The metadata of a GGUF file, each asked for as what it should be. */
import { corrupt } from "./errors.js";

export class Metadata {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    readonly fileName: string,
    private readonly prefix = "",
  ) {}

  /** Those whose keys begin so, by what follows. */
  below(prefix: string): Metadata {
    return new Metadata(this.values, this.fileName, this.prefix + prefix);
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

  /** As `text`, `whole`, `real` or `texts`, where it may not be missing. */
  required<Kind extends "text" | "whole" | "real" | "texts">(
    kind: Kind,
    key: string,
  ): NonNullable<ReturnType<this[Kind]>> {
    const value = this[kind](key);
    if (value !== undefined) return value as NonNullable<ReturnType<this[Kind]>>;
    throw corrupt(this.fileName, `it lacks the metadata "${this.prefix}${key}": is it a whole model?`);
  }

  /** As it is, for what is only compared. */
  raw(key: string): unknown {
    const full = this.prefix + key;
    return Object.hasOwn(this.values, full) ? this.values[full] : undefined;
  }

  #list<Value>(key: string, what: string, is: (value: unknown) => value is Value): readonly Value[] | undefined {
    const areAll = (value: unknown): value is Value[] => Array.isArray(value) && value.every(is);
    return this.#get(key, `a list of ${what}`, areAll);
  }

  #get<Value>(key: string, what: string, is: (value: unknown) => value is Value): Value | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (is(value)) return value;
    const found = Array.isArray(value) ? `a list of ${value.length}` : `${typeof value} ${value}`;
    throw corrupt(this.fileName, `the metadata "${this.prefix}${key}" should be ${what}, but is ${found}`);
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
