/** Relays between families, and relays behind TLS. */
import assert from "node:assert/strict";
import { Call } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

const SIX = { name: "six", nat: "moderate", families: [6] } as const;
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
