/** The application's own Vite, serving it: what was built, or the sources as one works on them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { strangersEnvironment } from "./stranger.js";

export interface Server {
  readonly address: string;
  stop(): Promise<void>;
}

/** @param mode `preview` serves what was built, `dev` the sources */
export async function serve(folder: string, mode: "preview" | "dev"): Promise<Server> {
  const port = await freePort();
  const vite = join(folder, "node_modules", "vite", "bin", "vite.js");
  const child = spawn(process.execPath, [vite, mode, "--host", "127.0.0.1", "--port", `${port}`, "--strictPort"], {
    cwd: folder,
    env: strangersEnvironment(),
  });
  const ended = once(child, "close");
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const stop = async () => {
    child.kill();
    await ended;
  };
  const address = `http://127.0.0.1:${port}/`;
  for (let attempt = 0; attempt < 150; attempt++) {
    if (child.exitCode !== null) break;
    if (await answers(address)) return { address, stop };
    await pause(200);
  }
  await stop();
  throw new Error(`vite ${mode} does not serve:\n${said}`);
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
