/** The limit of a WebAssembly memory, written into the module: the engine grows no memory beyond what is declared. */

const PAGE_BYTES = 65_536;

/** As many as 32-bit addresses reach. */
const MOST_PAGES = 65_536;

/** Lowers, in place, the maximum that a module's memory declares; a module without a memory of its own is left as it is. */
export function withMemoryLimit(module: Uint8Array<ArrayBuffer>, limitBytes: number): Uint8Array<ArrayBuffer> {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < module.length) {
    const section = module[at++];
    const sizeBytes = number();
    if (section !== 5) {
      at += sizeBytes;
      continue;
    }
    number(); // how many memories: one
    if ((module[at++] as number) % 2 === 0) throw new Error("Pyodide's memory declares no maximum");
    const initial = number();
    const start = at;
    number();
    const pages = Math.min(MOST_PAGES, Math.floor(limitBytes / PAGE_BYTES));
    writePadded(module, start, at, Math.max(initial, pages));
    return module;
  }
  return module;
}

/** A number in the very bytes that another one took. */
function writePadded(bytes: Uint8Array, start: number, end: number, value: number): void {
  let rest = value;
  for (let at = start; at < end; at++, rest = Math.floor(rest / 128)) {
    bytes[at] = (rest % 128) | (at === end - 1 ? 0 : 128);
  }
}
