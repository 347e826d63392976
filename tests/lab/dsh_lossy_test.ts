/** A terminal session on a long and lossy way: typing, output, a cut, and a server that dies. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { eventually, run } from "./command.ts";
import { Tmux } from "./dsh_site.ts";
import { dncNetwork } from "./nat/call.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { Site } from "./nat/site.ts";

const ENTRY = fileURLToPath(new URL("../../cmd/dsh.ts", import.meta.url));
/** One way each; there and back 80 ms. */
const DELAY_MS = 40;
const LOSS_PERCENT = 2;
/** `DSH_CUT_S=30` cuts the network for longer. */
const CUT_MS = Number(Deno.env.get("DSH_CUT_S") ?? 10) * 1000;
/** What is typed, key by key: each key that is lost, doubled or overtaken shows. */
const TYPED = "The quick brown fox, 0123456789: jumps over the lazy dog.";
const LINES = 5_000;

/** The words that start a `dsh` of a device at a site. */
async function dshAt(site: Site, network: Record<string, string>): Promise<string[]> {
  const environment = { ...await site.environment(), ...network };
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return ["env", ...words, Deno.execPath(), "run", "-A", "--unstable-net", "--cached-only", ENTRY];
}

natLabTest(
  `dsh at a terminal with 80 ms and ${LOSS_PERCENT} % loss: typing, output, a cut, a server that dies`,
  {
    sites: [{ name: "a", nat: "moderate" }, { name: "b", nat: "moderate" }],
    wan: { turn: true, delayMs: DELAY_MS, lossPercent: LOSS_PERCENT },
  },
  async (lab) => {
    const [here, there] = [lab.site("a"), lab.site("b")];
    const [near, far] = [networkOf(lab, here), networkOf(lab, there)];
    const client = await dshAt(here, near.env);
    const id = (await run(...here.inside(...client), "--id")).trim();
    const server = there.background(
      ...await dshAt(there, far.env),
      ...["-l", "--allow-peer", id, ...far.args],
    );
    const [, serverId] = await server.shows(/listening, id ([0-9a-f]{64})/);
    const directory = await Deno.makeTempDir();
    await using tmux = await Tmux.open({ directory });
    try {
      const dsh = shellLine(here.inside(...client, serverId!, ...near.args));
      await tmux.type(`cd ${directory}; stty -a | grep -v speed > before; clear`, "Enter");
      const begin = performance.now();
      await tmux.type(`${dsh}; echo status=$?`, "Enter");
      await tmux.shows(/[#$]$/m);
      const prompt = performance.now() - begin;
      await tmux.type(`PS1='there> '; clear; cat > ${directory}/typed`, "Enter");
      for (const key of TYPED) await tmux.type("-l", key);
      await tmux.type("Enter", "C-d");
      await tmux.shows(/^there>$/m);
      assert.equal(await Deno.readTextFile(`${directory}/typed`), `${TYPED}\n`);
      await tmux.type(`clear; seq ${LINES}; echo end`, "Enter");
      await tmux.shows(new RegExp(`^${LINES - 1}\n${LINES}\nend$`, "m"));

      const nft = (rules: string) => run(...here.router.namespace.inside("nft", rules));
      await nft("table inet cut { chain way { type filter hook forward priority -10; drop; }; }");
      await tmux.shows(/dsh: connection lost, trying again/);
      await tmux.type("-l", "echo typed meanwhile");
      await new Promise((resolve) => setTimeout(resolve, CUT_MS));
      await nft("delete table inet cut");
      const back = performance.now();
      await tmux.type("Enter");
      await tmux.shows(/^typed meanwhile$/m);
      const resumed = performance.now() - back;
      console.log(
        `prompt after ${(prompt / 1000).toFixed(1)} s, ` +
          `answers ${(resumed / 1000).toFixed(1)} s after the cut`,
      );

      await tmux.type("clear; vim -u NONE -N x", "Enter");
      await tmux.shows(/^~$/m);
      server.kill("SIGKILL");
      await tmux.shows(/dsh: connection lost, trying again/);
      // Within vim nothing was typed after a new line.
      await tmux.type("Enter", "~.");
      await tmux.shows(/^status=255$/m);
      await tmux.type("clear; stty -a | grep -v speed > after; cmp before after && echo same");
      await tmux.type("Enter");
      await tmux.shows(/^same$/m);
      await eventually("no program is left there", async () => {
        const left = await run("ip", "netns", "pids", there.namespace.name);
        const names = left.trim().split("\n").filter((pid) => pid !== "").map(nameOf);
        return !names.some((name) => /^(sh|bash|vim)$/.test(name));
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  { timeoutMs: 120_000 },
);

/** What a `dsh` needs to find the lab's servers; its -v is not dnc's. */
function networkOf(lab: NatLab, site: Site): ReturnType<typeof dncNetwork> {
  const { args, env } = dncNetwork(lab, site);
  return { args: args.filter((word) => word !== "-v"), env };
}

function nameOf(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
  } catch {
    return "";
  }
}
