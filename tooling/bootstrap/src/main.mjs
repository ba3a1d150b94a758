/**
 * The root scripts: `npm run setup`, `npm start`, `npm test`, `npm run sst` and so on.
 *
 * Whoever clones this repository has Node and npm, but seldom the Node and the pnpm that the workspace needs. So each
 * script first fetches what is missing (tools.mjs), installs and builds what has changed (install.mjs), and then does
 * its own work. Plain JavaScript without dependencies: it runs before anything is installed, on Node 16 and later.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { install, isSetUp, setUp } from "./install.mjs";
import { exitAs, run } from "./run.mjs";
import { clearTestCounts, sumTestCounts, testCountsFolder } from "./test-counts.mjs";
import { childEnvironment, readyNode, root } from "./tools.mjs";

const commandLine = join(root, "apps", "cli", "dist", "main.js");

/** A program of the workspace, run by the Node that it needs. Returns how it ended (see run.mjs). */
const node = (script, args, options = {}) =>
  run(readyNode(), [join(root, script), ...args], { cwd: root, env: childEnvironment(), ...options });

const turbo = (task, args, options) => node("node_modules/turbo/bin/turbo", ["run", task, ...args], options);

const commands = {
  async setup() {
    await setUp();
    return { code: 0 };
  },

  /** Builds no more than it runs, and the command line, which its report speaks of. */
  async start(args) {
    await setUp({ quiet: true, toRun: ["@sst/state-tracking", "@sst/cli"] });
    return node("apps/state-tracking/dist/main.js", args);
  },

  /** The paper's experiment: a stream co-trained into a pretrained backbone, and its matched baseline. */
  async cotrain(args) {
    await setUp({ quiet: true, toRun: ["@sst/gsm8k-cotrain"] });
    return node("apps/gsm8k-cotrain/dist/main.js", args, { cwd: process.env.INIT_CWD ?? process.cwd() });
  },

  /** Every test, package after package, so that they do not take the processor from each other. */
  async test(args) {
    await setUp({ quiet: true });
    clearTestCounts();
    const env = { ...childEnvironment(), SST_TEST_SUMMARY_DIR: testCountsFolder };
    const ended = await turbo("test", ["--continue", "--concurrency=1", ...args], { env });
    const { passed, failed, skipped } = sumTestCounts();
    for (const line of failed) console.log(`failed: ${line}`);
    console.log(`tests: ${passed} passed, ${failed.length} failed, ${skipped} skipped`);
    return ended;
  },

  /** The conformance suites of all backends, and the page that shows what they found. */
  async conformance() {
    await setUp({ quiet: true });
    const folder = join(root, "node_modules", ".sst", "conformance");
    rmSync(folder, { recursive: true, force: true });
    const env = { ...childEnvironment(), SST_CONFORMANCE_DIR: folder };
    const ended = await turbo("test", ["--continue", "--concurrency=1", "--filter=@sst/backend-*"], { env });
    if (ended.code !== 0) return ended;
    return node("tooling/docs/src/main.mjs", [folder]);
  },

  async lint(args) {
    await install({ quiet: true });
    return node("node_modules/@biomejs/biome/bin/biome", ["check", "--error-on-warnings", ".", ...args]);
  },

  async typecheck(args) {
    await install({ quiet: true });
    return turbo("typecheck", ["--continue", ...args]);
  },

  async bench(args) {
    await setUp({ quiet: true });
    return turbo("bench", ["--concurrency=1", ...(args.length > 0 ? ["--", ...args] : [])]);
  },

  async playground(args) {
    await setUp({ quiet: true });
    return node(".tools/node_modules/pnpm/bin/pnpm.cjs", ["--filter", "@sst/playground", "serve", ...args]);
  },

  /** The command line. Starts at once: no installation, no build, not a word of our own on standard output. */
  async sst(args) {
    if (!isSetUp() || !existsSync(commandLine)) {
      console.error("sst: not set up yet; run `npm run setup` first");
      return { code: 1 };
    }
    return run(readyNode(), [commandLine, ...args], { cwd: process.env.INIT_CWD ?? process.cwd() });
  },
};

const [name = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name)) {
  console.error(`bootstrap: unknown script "${name}"; there are ${Object.keys(commands).join(", ")}`);
  process.exit(1);
}
try {
  exitAs(await commands[name](args));
} catch (error) {
  console.error(`npm run ${name}: ${error.message}`);
  process.exit(1);
}
