/**
 * What runs in the sandbox's process: one Python program, in Pyodide, after everything that leads out has been taken away.
 * Node's permission model (no files but Pyodide's, no processes, no workers, no add-ons) and V8 without code from strings are
 * the walls, given on the command line; this file closes what they leave open: the network, which Node restricts from
 * version 25 on only, code through `node:vm` and `import()`, signals, and memory. Says "ready" and reads the program from its
 * standard input.
 */
import { constants, writeSync } from "node:fs";
import { createRequire, isBuiltin, registerHooks, syncBuiltinESMExports } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { withMemoryLimit } from "./memory-limit.js";

const [, , pyodideFolder = "", memoryText = ""] = process.argv;
const memoryBytes = Number(memoryText);
const exit = process.exit.bind(process);
const require = createRequire(import.meta.url);

const refuse = (): never => {
  throw new Error("not allowed in the sandbox");
};

/** What Pyodide is loaded from; nothing else is ever imported, and nothing at all once it is there. */
let isLoading = true;
const pyodideAddress = `${pathToFileURL(pyodideFolder).href}/`;

async function main(): Promise<void> {
  // Waited for by Node itself: reading at once would fail for as long as nothing is there.
  const program = text(process.stdin);
  closeDoors();
  const python = await startPython();
  takeAway(python);
  isLoading = false;
  writeSync(1, "ready\n");
  run(python, await program);
}

/** The part of Pyodide's interface that is used here; its files are Emscripten's. */
interface Python {
  readonly FS: {
    readonly ErrnoError: new (code: number) => Error;
    readonly filesystems: { readonly MEMFS: MemoryFiles };
  };
  runPython(code: string, options?: { globals?: unknown }): unknown;
  unregisterJsModule(name: string): void;
  setStdin(options: { stdin: () => null }): void;
  setStdout(options: { write: (bytes: Uint8Array) => number }): void;
  setStderr(options: { write: (bytes: Uint8Array) => number }): void;
  toPy(value: unknown): unknown;
}

interface MemoryFiles {
  readonly ops_table: { readonly file: { readonly stream: { write: WriteFile } } };
  expandFileStorage(node: unknown, size: number): void;
  resizeFileStorage(node: unknown, size: number): void;
}

type WriteFile = (file: unknown, buffer: unknown, offset: number, length: number, ...rest: unknown[]) => number;

/** No module is found from here on but Pyodide's own files and Node's, and none once `isLoading` is over. */
function closeDoors(): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!isLoading) return refuse();
      if (isBuiltin(specifier)) return next(specifier, context);
      const { url } = next(specifier, context);
      return url.startsWith(pyodideAddress) ? { url, format: "module", shortCircuit: true } : refuse();
    },
  });
  // Pyodide asks for the flags of files, which the permission model would refuse.
  Object.assign(process, { binding: () => ({ fs: constants }) });
}

async function startPython(): Promise<Python> {
  limitMemory();
  const { loadPyodide } = await import(`${pyodideAddress}pyodide.mjs`);
  const write = (descriptor: number) => (bytes: Uint8Array) => {
    writeAll(descriptor, bytes);
    return bytes.length;
  };
  const python: Python = await loadPyodide({
    indexURL: pyodideFolder,
    // Instead of the global object, as the module `js`.
    jsglobals: Object.freeze(Object.create(null)),
  });
  python.setStdin({ stdin: () => null });
  python.setStdout({ write: write(1) });
  python.setStderr({ write: write(2) });
  return python;
}

/** The engine itself refuses to grow a memory beyond what its module declares: so the declaration is changed. */
function limitMemory(): void {
  const { instantiate } = WebAssembly;
  Object.assign(WebAssembly, {
    instantiate: (source: unknown, ...rest: [WebAssembly.Imports]) =>
      source instanceof WebAssembly.Module
        ? instantiate(source, ...rest)
        : instantiate(withMemoryLimit(new Uint8Array(source as ArrayBuffer), memoryBytes), ...rest),
  });
}

function takeAway(python: Python): void {
  limitFiles(python);
  python.runPython(`
import sys
for name in [name for name in sys.modules if name.split(".")[0] in ("js", "pyodide_js")]:
    del sys.modules[name]
`);
  for (const name of ["js", "pyodide_js"]) python.unregisterJsModule(name);
  cutModules();
  cutProcess();
  cutWebAssembly();
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!language.has(name)) Reflect.deleteProperty(globalThis, name);
  }
}

const waysOut = [
  ...["net", "dgram", "tls", "dns", "dns/promises", "http", "https", "http2"],
  ...["child_process", "worker_threads", "cluster", "vm", "inspector", "wasi", "v8", "module"],
];

function cutModules(): void {
  // All are loaded before the first is changed: they are made of each other.
  const modules = waysOut.map((name) => require(`node:${name}`) as Record<string, unknown>);
  const [net, dgram] = modules as [Record<string, unknown>, Record<string, unknown>];
  // Also those that Node's own code holds: whoever comes by a socket cannot connect it.
  cut(prototypeOf(net.Socket), ["connect"]);
  cut(prototypeOf(net.Server), ["listen"]);
  cut(prototypeOf(dgram.Socket), ["bind", "connect", "send"]);
  for (const module of modules) {
    // What is made when it is first read is replaced unread: some of it would start work of its own.
    const leadsOut = ([, { get, value }]: [string, PropertyDescriptor]) =>
      get !== undefined || typeof value === "function";
    const exports = Object.entries(Object.getOwnPropertyDescriptors(module)).filter(leadsOut);
    cut(
      module,
      exports.map(([name]) => name),
    );
  }
  syncBuiltinESMExports();
}

function cutProcess(): void {
  cut(process, ["kill", "_kill", "_debugProcess", "_debugEnd", "abort", "dlopen", "binding", "_linkedBinding"]);
  cut(process, ["getBuiltinModule", "chdir", "report", "mainModule"]);
}

/** What is compiled goes on; nothing is compiled any more. */
function cutWebAssembly(): void {
  for (const name of ["Module", "Instance"]) cut(prototypeOf(Reflect.get(WebAssembly, name)), ["constructor"]);
  cut(WebAssembly, ["Module", "Instance", "compile", "compileStreaming", "instantiate", "instantiateStreaming"]);
}

function cut(owner: object, names: readonly string[]): void {
  for (const name of names) Reflect.defineProperty(owner, name, { value: refuse });
}

function prototypeOf(type: unknown): object {
  return (type as { prototype: object }).prototype;
}

/** What stays of the global object: the language, and the few things of the host that Pyodide calls while it runs. */
const language = new Set(
  [
    "Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error",
    "AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError globalThis JSON Math Intl",
    "ArrayBuffer SharedArrayBuffer Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float16Array",
    "Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map BigInt Set Iterator WeakMap WeakSet",
    "WeakRef Proxy Reflect FinalizationRegistry decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite",
    "isNaN console WebAssembly TextDecoder TextEncoder performance crypto",
  ].flatMap((line) => line.split(" ")),
);

/** Files of Python lie in JavaScript's memory, which WebAssembly's limit does not count: so what is written is counted here. */
function limitFiles({ FS }: Python): void {
  const { MEMFS } = FS.filesystems;
  const noSpaceLeft = 51;
  let written = 0;
  const count = (bytes: number) => {
    written += bytes;
    if (written > memoryBytes) throw new FS.ErrnoError(noSpaceLeft);
  };
  const { stream } = MEMFS.ops_table.file;
  const { write } = stream;
  stream.write = (file, buffer, offset, length, ...rest) => {
    count(length);
    return write(file, buffer, offset, length, ...rest);
  };
  for (const name of ["expandFileStorage", "resizeFileStorage"] as const) {
    const resize = MEMFS[name];
    MEMFS[name] = (node, size) => {
      if (size > memoryBytes) throw new FS.ErrnoError(noSpaceLeft);
      if (name === "resizeFileStorage") count(size);
      resize(node, size);
    };
  }
}

function run(python: Python, program: string): never {
  const globals = python.toPy({ __name__: "__main__" });
  let code = 0;
  try {
    python.runPython(program, { globals });
  } catch (error) {
    // `exit()` is how a program ends, too.
    code = (error as { type?: string }).type === "SystemExit" ? 0 : 1;
    if (code !== 0) writeAll(2, new TextEncoder().encode(String(error)));
  }
  try {
    python.runPython("import sys\nsys.stdout.flush()\nsys.stderr.flush()");
  } catch {
    // Whoever has spoilt the streams has no output.
    code = 1;
  }
  return exit(code);
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      // The reader is behind.
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

await main();
