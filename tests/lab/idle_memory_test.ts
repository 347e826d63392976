import assert from "node:assert/strict";
import { builtFiles } from "./built.ts";
import { DncProcess } from "./dnc_process.ts";
import { labTest } from "./lab.ts";

/** Most that an idle listener of a single file may have resident, in 10^6 bytes. */
const LIMIT_MB = 80;
/** From listening until it is idle: by then the first garbage has been collected, ms. */
const SETTLE_MS = 10_000;

const resident = async (pid: number) =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))![1]) / 1e6;

labTest(
  "an idle listener of the single file is small, in its very first start and in later ones",
  async (lab) => {
    const tools = `${await builtFiles()}/tools`;
    await lab.dhtnode(4500);
    // Without identity and cache at first: both are made, and what that took is given back.
    const env = { ...await lab.dncEnvironment(), XDG_CACHE_HOME: `${lab.directory}/cache` };
    await Deno.mkdir(env.XDG_CACHE_HOME, { mode: 0o700 });
    const starts: [what: string, words: string[]][] = [
      ["the first start", ["-b", "127.0.0.1:4500"]],
      ["a later one", ["-b", "127.0.0.1:4500"]],
      ["with a service", ["-b", "127.0.0.1:4500", "--allow", "[::1]:22"]],
    ];
    for (const [what, words] of starts) {
      const command = [`${tools}/dnc`, "-l", "--interface", "lo", ...words];
      await using listener = new DncProcess({ command: lab.namespace.inside(...command), env });
      await listener.listening();
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const residentMB = await resident(listener.pid);
      console.log(`${what}: ${residentMB.toFixed(1)} MB`);
      assert.ok(residentMB <= LIMIT_MB, `${what}: ${residentMB} MB`);
    }
  },
  180_000,
);
