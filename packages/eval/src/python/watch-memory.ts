/**
 * The last guard of memory. WebAssembly's limit holds for Python's objects, but pipes and the like lie in JavaScript's
 * memory: so the process as a whole is watched from outside, where the system tells its size (Linux). Node only.
 */

/** Node, Pyodide's code and Python before any program: about 200 MB, and as much again as room. */
const BASE_BYTES = 400 * 2 ** 20;

const INTERVAL_MS = 50;

/** Calls back once when a process holds more than twice the limit (objects and files) beside what it needs itself. */
export async function watchMemory(
  process: number | undefined,
  limitBytes: number,
  onExceeded: () => void,
): Promise<() => void> {
  if ((await residentBytes(process)) === undefined) return () => {};
  const timer = setInterval(async () => {
    if (((await residentBytes(process)) ?? 0) <= 2 * limitBytes + BASE_BYTES) return;
    clearInterval(timer);
    onExceeded();
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Undefined where the process is gone or the system does not tell. */
async function residentBytes(process: number | undefined): Promise<number | undefined> {
  const { readFile } = await import("node:fs/promises");
  const status = await readFile(`/proc/${process}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
