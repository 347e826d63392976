import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { run } from "./command.ts";
import { startDsh, Tmux } from "./dsh_site.ts";
import { labTest } from "./lab.ts";

/** How long the network is cut, s; `DSH_CUT_S=30` cuts it for longer. */
const CUT_S = Number(Deno.env.get("DSH_CUT_S") ?? 12);

labTest(
  `dsh goes on after the network was cut for ${CUT_S} s, and says so meanwhile`,
  async (lab) => {
    const { client } = await startDsh(lab);
    const nft = (rules: string) => run(...lab.namespace.inside("nft", rules));
    await using tmux = await Tmux.open(lab);
    await tmux.type(`clear; ${shellLine(client)}; echo status=$?`, "Enter");
    await tmux.shows(/[#$]$/m);
    await tmux.type("PS1='there> '; clear; n=0", "Enter");
    await tmux.type("echo count''ing; while sleep 0.2; do n=$((n+1)); done", "Enter");
    // What has not left before the cut does not begin before its end.
    await tmux.shows(/^counting$/m);
    await nft("table inet cut { chain input { type filter hook input priority 0; drop; }; }");
    await tmux.shows(/dsh: connection lost, trying again/);
    await new Promise((resolve) => setTimeout(resolve, CUT_S * 1000));
    await nft("delete table inet cut");
    const begin = performance.now();
    await tmux.type("C-c");
    await tmux.shows(/\^C/);
    console.log(`Ctrl-C shows ${((performance.now() - begin) / 1000).toFixed(1)} s after the cut`);
    await tmux.type("clear; echo counted $((n > 10))", "Enter");
    await tmux.shows(/^counted 1$/m);
    assert.doesNotMatch(await tmux.screen(), /connection lost/);
    await tmux.type("exit 5", "Enter");
    await tmux.shows(/^status=5$/m);
  },
  120_000,
);
