/** Relays between families, and relays behind TLS. */
import assert from "node:assert/strict";
import { Call, dncNetwork } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { Site } from "./nat/site.ts";

const SIX = { name: "six", nat: "moderate", families: [6] } as const;
const BESIDE = { name: "b", nat: "moderate" } as const;
const FOUR = { name: "four", nat: "moderate" } as const;

for (const helped of ["six", "four", "both"]) {
  for (const [from, to] of [["six", "four"], ["four", "six"]] as const) {
    natLabTest(
      `IPv6 alone and IPv4 alone: ${from} calls ${to}, relay of ${helped}`,
      { sites: [SIX, FOUR], wan: { turn: true } },
      async (lab) => {
        const { host, host6, port } = lab.turn;
        const call = await Call.start(lab, lab.site(from), lab.site(to), {
          relays: ({ name }) =>
            helped !== name && helped !== "both"
              ? []
              : ["-t", name === "six" ? `[${host6}]:${port}` : `${host}:${port}`],
        });
        await call.echo();
        assert.equal(call.path?.relayed, true);
      },
    );
  }
}

natLabTest(
  "a relay behind TLS on port 443, with a certificate of one's own CA",
  {
    sites: [
      { name: "a", nat: "strict", outbound: "tcp-443" },
      { name: "b", nat: "strict", outbound: "tcp-443" },
    ],
    wan: { turn: true },
  },
  async (lab) => {
    const relays = () => ["-t", `turns:${lab.turn.host}:443`, "--turn-ca", lab.turn.caFile];
    const call = await Call.start(lab, lab.site("a"), lab.site("b"), { relays });
    await call.echo();
    assert.equal(call.path?.relayed, true);
  },
);

natLabTest(
  "a relay behind TLS whose CA is not known is not used",
  { sites: [{ name: "a", nat: "strict", outbound: "tcp-443" }], wan: { turn: true } },
  async (lab) => {
    const { host, user, password } = lab.turn;
    const site = lab.site("a");
    const args = ["-t", `turns:${host}:443`, "-u", user, "--relay-only", "-b", lab.bootstrap];
    const environment = { ...await site.environment(), DHTNET_TURN_PASS: password };
    const dnc = await site.dnc(["--netcheck", "--no-discovery", ...args], environment);
    assert.match(await dnc.finish(), /TURN .*invalid peer certificate: UnknownIssuer/);
  },
);

natLabTest(
  "a listener that reaches the DHT over a relay is found again after the relay was restarted",
  { sites: [{ name: "a", nat: "strict", outbound: "tcp-443" }, BESIDE], wan: { turn: true } },
  async (lab) => {
    const start = async (site: Site, ...args: string[]) => {
      const network = dncNetwork(lab, site);
      const environment = { ...await site.environment(), ...network.env };
      return await site.dnc([...args, ...network.args], environment);
    };
    const listener = await start(lab.site("a"), "-l", "-v");
    const id = await listener.listening();
    await listener.shows(/over the relay/);
    await lab.stopTurn();
    await listener.shows(/relay of the DHT is lost/);
    await lab.startTurn();
    await listener.shows(/relay of the DHT is lost[^]*over the relay[^]*connected/, 25_000);
    const dialler = await start(lab.site("b"), id, "-v");
    await dialler.shows(/connected to/);
  },
  { timeoutMs: 60_000 },
);
