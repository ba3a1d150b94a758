/** Python of a model's: what it prints is read, what it tries is contained, and the next program runs as if nothing was. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PythonSandbox } from "@sst/eval";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

// Every program waits for a Python of its own to start.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const sandbox = new PythonSandbox({ timeLimitMs: 20_000, memoryBytes: 128 * 2 ** 20 });
afterAll(() => sandbox.dispose());

/** Runs lines that each try something, and gives what came of them: values, or the names of exceptions. */
async function attempts(...bodies: string[]): Promise<string[]> {
  const program = bodies
    .map((body) => {
      const lines = body.split("; ").map((line) => `        ${line}`);
      lines[lines.length - 1] = `        return ${lines.at(-1)?.trim()}`;
      return `try:\n    def attempt():\n${lines.join("\n")}\n    print("got", repr(attempt())[:200])\nexcept BaseException as error:\n    print(type(error).__name__, str(error)[:200].replace("\\n", " "))`;
    })
    .join("\n");
  const { outcome, output } = await sandbox.run(program);
  expect(outcome).toBe("finished");
  return output.trim().split("\n");
}

describe("programs", () => {
  test("what they print is what is read, and they end as they end", async () => {
    const fine = await sandbox.run("import math\nprint(6 * 7)\nprint(math.gcd(12, 18), 'ü')");
    expect(fine).toMatchObject({ outcome: "finished", output: "42\n6 ü\n", errors: "" });
    const ended = await sandbox.run("print(1)\nexit()\nprint(2)");
    expect(ended).toMatchObject({ outcome: "finished", output: "1\n" });
    const raised = await sandbox.run("print(1)\nprint(1 / 0)");
    expect(raised).toMatchObject({ outcome: "raised", output: "1\n" });
    expect(raised.errors).toMatch(/ZeroDivisionError/);
    const wrong = await sandbox.run("this is no Python");
    expect(wrong).toMatchObject({ outcome: "raised", output: "" });
    expect(wrong.errors).toMatch(/SyntaxError/);
  });

  test("each has a process of its own: nothing is left of the one before", async () => {
    await sandbox.run(
      "import builtins\nbuiltins.print = None\nbuiltins.leftover = 1\nopen('/tmp/leftover', 'w').write('x')",
    );
    const next = await sandbox.run(
      "import builtins, os\nprint(hasattr(builtins, 'leftover'), os.path.exists('/tmp/leftover'))",
    );
    expect(next.output).toBe("False False\n");
  });
});

describe("escapes", () => {
  test("there is no JavaScript to import", async () => {
    expect(
      await attempts(
        "import js; js.process",
        "import pyodide_js; pyodide_js.loadPackage",
        "from pyodide.code import run_js; run_js('process.version')",
        "import _pyodide_core; _pyodide_core.run_js('1')",
        "import sys; [type(each).__name__ for each in sys.meta_path if getattr(each, 'jsproxies', None)]",
      ),
    ).toEqual([
      expect.stringMatching(/^ModuleNotFoundError/),
      expect.stringMatching(/^ModuleNotFoundError/),
      expect.stringMatching(/^ModuleNotFoundError/),
      expect.stringMatching(/^AttributeError/),
      "got []",
    ]);
  });

  test("constructors of JavaScript make no code", async () => {
    const results = await attempts(
      "from pyodide.ffi import to_js; to_js([1]).constructor.constructor('return process')()",
      "from pyodide.ffi import create_proxy; create_proxy(len).constructor.constructor('return process')()",
      "import pyodide.webloop as w; w.scheduleCallback.constructor('return globalThis')()",
      "from pyodide.ffi import to_js; to_js({}).constructor.constructor.constructor('return this')()",
    );
    for (const result of results) expect(result).toMatch(/^(JsException EvalError: Code generation|AttributeError)/);
    expect(results.filter((result) => result.includes("Code generation")).length).toBeGreaterThanOrEqual(3);
  });

  test("files of the machine are neither there to read nor to write", async () => {
    const results = await attempts(
      "open('/etc/passwd').read()",
      "import os; sorted(os.listdir('/'))",
      "import os; os.environ.get('PATH'), os.environ.get('HOME')",
      "open('/proc/self/environ').read()",
      "open('/dev/sda')",
    );
    expect(results[0]).toMatch(/^FileNotFoundError/);
    expect(results[1]).toBe("got ['dev', 'home', 'lib', 'proc', 'tmp']");
    expect(results[2]).not.toContain(process.env.PATH ?? "no path");
    expect(results[3]).toMatch(/Error/);
    expect(results[4]).toMatch(/Error/);
  });

  test("sockets connect to nothing, and nothing listens", async () => {
    let calls = 0;
    const server = createServer((_, response) => {
      calls++;
      response.end("secret");
    });
    server.on("connection", () => calls++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const results = await attempts(
      `import socket; socket.create_connection(('127.0.0.1', ${port}), timeout=2).recv(1)`,
      `import urllib.request; urllib.request.urlopen('http://127.0.0.1:${port}').read()`,
      `import pyodide.http; pyodide.http.open_url('http://127.0.0.1:${port}')`,
      `import asyncio, pyodide.http; asyncio.get_event_loop().run_until_complete(pyodide.http.pyfetch('http://127.0.0.1:${port}'))`,
    );
    const listening = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen(1)\ns.accept()";
    expect((await sandbox.run(listening)).outcome).not.toBe("finished");
    await new Promise((resolve) => server.close(resolve));
    for (const result of results) expect(result).not.toMatch(/^got/);
    expect(calls).toBe(0);
  });

  test("no processes, no signals", async () => {
    const results = await attempts(
      "import subprocess; subprocess.run(['id'])",
      "import os; os.fork()",
      "import os; os.execv('/bin/sh', ['sh'])",
      `import os; os.kill(${process.pid}, 9)`,
      "import threading; t = threading.Thread(target=print); t.start()",
    );
    for (const result of results) expect(result).not.toMatch(/^got/);
    expect((await sandbox.run("import os\nprint('before', flush=True)\nos.system('id')")).output).not.toMatch(/uid/);
  });

  test("foreign functions: no code runs in the host", async () => {
    const dynamic = "import ctypes\nlibrary = ctypes.CDLL(None)\n";
    const script = await sandbox.run(
      `${dynamic}print('go', flush=True)\nlibrary.emscripten_run_script(b'console.log(process.pid)')`,
    );
    expect(script.outcome).not.toBe("finished");
    expect(script.output).toMatch(/^go\n/);
    expect(script.output).not.toMatch(/^\d+$/m);
    const module = "open('/tmp/m.so', 'wb').write(bytes([0, 97, 115, 109, 1, 0, 0, 0]))";
    expect(await sandbox.run(`import ctypes\n${module}\nctypes.CDLL('/tmp/m.so')`)).toMatchObject({
      outcome: "raised",
    });
  });
});

describe("excess", () => {
  test("memory: the program gets a MemoryError, and dies of it", async () => {
    const { outcome, errors } = await sandbox.run("parts = []\nwhile True: parts.append(bytearray(10 ** 6))");
    expect(outcome).toBe("raised");
    expect(errors).toMatch(/MemoryError/);
    expect((await attempts("len(bytearray(10 ** 9))"))[0]).toMatch(/^MemoryError/);
  });

  test("files: no space is left", async () => {
    const results = await attempts(
      "file = open('/tmp/big', 'wb'); [file.write(b'x' * 10 ** 7) for _ in range(100)]",
      "[open(f'/tmp/{i}', 'wb').write(b'x' * 10 ** 6) for i in range(1000)]",
      "[open(f'/tmp/t{i}', 'wb').truncate(10 ** 8) for i in range(1000)]",
    );
    for (const result of results) expect(result).toMatch(/^OSError.*space left/);
  });

  test.runIf(process.platform === "linux")("what the limits inside do not see is seen from outside", async () => {
    const program = "import os\n_, end = os.pipe()\nwhile True: os.write(end, b'x' * 10 ** 6)";
    expect(await sandbox.run(program)).toMatchObject({ outcome: "out-of-memory" });
  });

  test("time: a program that loops is ended", async () => {
    using quick = new PythonSandbox({ timeLimitMs: 1000 });
    const stubborn =
      "print('in', flush=True)\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass";
    for (const program of [stubborn, "import time\nprint('in', flush=True)\ntime.sleep(1000)"]) {
      const run = await quick.run(program);
      expect(run).toMatchObject({ outcome: "timed-out", output: "in\n" });
      expect(run.durationMs).toBeLessThan(10_000);
    }
  });

  test("output: gigabytes end the program, and what is kept is small", async () => {
    for (const stream of ["stdout", "stderr"]) {
      const run = await sandbox.run(`import sys\nwhile True: sys.${stream}.write('x' * 10 ** 6)`);
      expect(run.outcome).toBe("too-much-output");
      expect(run.output.length + run.errors.length).toBe(2 ** 16);
    }
  });

  test("deep recursion is the program's own end", async () => {
    expect(["raised", "crashed"]).toContain(
      (await sandbox.run("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()")).outcome,
    );
  });
});

describe("the host", () => {
  test("refuses limits that are none, and work after dispose", async () => {
    expect(() => new PythonSandbox({ timeLimitMs: 0 })).toThrowError(/timeLimitMs should be/);
    const gone = new PythonSandbox();
    gone.dispose();
    await expect(gone.run("print(1)")).rejects.toMatchObject({ code: "disposed" });
  });

  test("says when Python does not start in time", async () => {
    using hasty = new PythonSandbox({ startLimitMs: 1 });
    await expect(hasty.run("print(1)")).rejects.toMatchObject({ code: "backend-failed", message: /within 1 ms/ });
  });
});

beforeAll(() => sandbox.run("").then(() => {}));
