/** A full tunnel between machines behind routers: everything that carries it stays outside of it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Background, run } from "./command.ts";
import { dncNetwork } from "./nat/call.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { Site } from "./nat/site.ts";

const DVPN = fileURLToPath(new URL("../../cmd/dvpn.ts", import.meta.url));
const TIMEOUT_MS = 90_000;
/** How long each iperf3 runs, s. */
const SECONDS = 3;
/** The machine of the DHT node: a host on the Internet. */
const WORLD = "203.0.113.10";

/** Starts `dvpn` at a site, as a new device. */
async function startDvpn(lab: NatLab, site: Site, ...args: string[]): Promise<Background> {
  const { args: network, env } = dncNetwork(lab, site);
  const directory = (await site.environment()).DHTNET_CONFIG_DIR!;
  const deno = [Deno.execPath(), "run", "-A", "--unstable-net", DVPN];
  return new Background(site.inside(...deno, ...args, ...network), {
    env: { DHTNET_CONFIG_DIR: directory, STATE_DIRECTORY: directory, NO_COLOR: "1", ...env },
  });
}

/** Mbit/s of one TCP stream to a host. */
async function mbits(from: Site, to: string, ...options: string[]): Promise<number> {
  const iperf = ["timeout", "30", "iperf3", "-c", to, "-t", String(SECONDS), "-J", ...options];
  const { end } = JSON.parse(await run(...from.inside(...iperf)));
  return end.sum_received.bits_per_second / 1e6;
}

const CASES = [
  { name: "two moderate NATs", nat: "moderate", turn: false, relayed: false },
  { name: "strict × strict by relay", nat: "strict", turn: true, relayed: true },
] as const;

for (const { name, nat, turn, relayed } of CASES) {
  natLabTest(
    `dvpn --default-route through ${name}`,
    { sites: [{ name: "a", nat }, { name: "b", nat }], wan: { turn: turn || relayed } },
    async (lab) => {
      const client = lab.site("a"), server = lab.site("b");
      await run(Deno.execPath(), "cache", DVPN);
      await using serving = await startDvpn(lab, server, "-l", "-a", "--nat");
      const id = (await serving.shows(/listening, id ([0-9a-f]{64})/))[1]!;
      await using calling = await startDvpn(lab, client, id, "--default-route");
      const [, path] = await calling.shows(/connected over (\S+ ?\S*)/, 40_000);
      await using _world = new Background(
        lab.namespace("dht").inside("iperf3", "-s", "--forceflush"),
      );
      await using _near = new Background(server.inside("iperf3", "-s", "--forceflush"));
      await _world.shows(/listening/);
      await _near.shows(/listening/);
      const there = await mbits(client, "10.80.77.1");
      const back = await mbits(client, "10.80.77.1", "-R");
      const world = await mbits(client, WORLD);
      const seen = /Accepted connection from (\S+),/.exec(_world.stdout)?.[1];
      assert.equal(seen, server.publicIpv4);
      assert.equal(/relayed/.test(path!), relayed);
      const figures = [there, back, world].map((one) => one.toFixed(0));
      console.log(
        `${name}: ${path}; to the server ${figures[0]}, back ${figures[1]}, ` +
          `to the world ${figures[2]} Mbit/s`,
      );
      calling.kill("SIGTERM");
      assert.equal((await calling.status).code, 143);
    },
    { timeoutMs: TIMEOUT_MS },
  );
}
