/** What chat templates find around them: what is given, and the functions that Hugging Face's own renderer offers. */
import { Environment } from "@huggingface/jinja";

export function templateEnvironment(given: Readonly<Record<string, unknown>>, now: Date): Environment {
  const environment = new Environment();
  const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
  // The library's own would ask for the time and write it in the machine's language.
  const functions = { range, raise_exception: raise, strftime_now: (format: string) => formatted(now, format) };
  for (const [name, value] of Object.entries({ ...given, ...constants, ...functions })) {
    if (value !== undefined) environment.set(name, value);
  }
  return environment;
}

/** Python's. */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0) throw new Error("range() by steps of 0");
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, index) => from + index * step);
}

function raise(reason: string): never {
  throw new Error(reason);
}

/** Python's `strftime` in English, as far as dates and times go. */
function formatted(date: Date, format: string): string {
  const named = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-US", options).format(date);
  const digits = (value: number) => String(value).padStart(2, "0");
  const fields: Record<string, () => string> = {
    Y: () => String(date.getFullYear()),
    y: () => digits(date.getFullYear() % 100),
    m: () => digits(date.getMonth() + 1),
    B: () => named({ month: "long" }),
    b: () => named({ month: "short" }),
    d: () => digits(date.getDate()),
    A: () => named({ weekday: "long" }),
    a: () => named({ weekday: "short" }),
    H: () => digits(date.getHours()),
    I: () => digits(date.getHours() % 12 || 12),
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    M: () => digits(date.getMinutes()),
    S: () => digits(date.getSeconds()),
    "%": () => "%",
  };
  return format.replace(/%(.)/gs, (whole, letter: string) => fields[letter]?.() ?? whole);
}
