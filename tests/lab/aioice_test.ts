/**
 * Our ICE agent against aioice: `deno test -A tests/lab/aioice_test.ts`. Needs root, and the
 * packages iproute2 and python3-aioice.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Background, run } from "./command.ts";
import { type Lab, labTest } from "./lab.ts";

/** Loopback gets these as well: aioice makes no candidate of 127.0.0.1 or ::1. */
const ADDRESSES = ["198.51.100.1", "2001:db8::1"];
/** The two ends of what tie-breakers there are: the peer's, which it draws, is in between. */
const TIE_BREAKER = { lowest: "0", highest: String(2n ** 64n - 1n) };

interface Roles {
  readonly ours: "controlling" | "controlled";
  readonly theirs: "controlling" | "controlled";
  /** Ours, when the roles are in conflict. */
  readonly tieBreaker?: string;
}

const fileHere = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function startOurs(lab: Lab, { ours, tieBreaker }: Roles): Background {
  const options = JSON.stringify({ controlling: ours === "controlling", tieBreaker });
  const deno = [Deno.execPath(), "run", "-A", "--unstable-net", "--cached-only"];
  return lab.background(...deno, fileHere("ice_peer.ts"), ...ADDRESSES, options);
}

/** Gives each the other's description. */
async function introduce(ours: Background, theirs: Background): Promise<void> {
  const [own, their] = await Promise.all([ours, theirs].map(async (peer) => {
    const [line] = await peer.shows(/^\{"description".*\}$/m);
    return JSON.stringify(JSON.parse(line).description);
  }));
  for (const text of [own!, their!]) assert.equal(JSON.parse(text).candidates.length, 2, text);
  await Promise.all([ours.type(their!), theirs.type(own!)]);
}

/** Both nominate a pair, are of one mind who controls, and get an echo of a datagram. */
async function talk(ours: Background, theirs: Background, weControl: boolean): Promise<void> {
  await introduce(ours, theirs);
  for (
    const [peer, controlling, datagram] of [
      [ours, weControl, "dhtnet"],
      [theirs, !weControl, "aioice"],
    ] as const
  ) {
    const [line] = await peer.shows(/^\{"nominated".*\}$/m);
    assert.deepEqual(JSON.parse(line), { nominated: true, controlling });
    const [echo] = await peer.shows(/^\{"echo".*\}$/m);
    assert.deepEqual(JSON.parse(echo), { echo: `echo of ${datagram}` });
  }
}

/** The two meet in the lab's namespace, and leave nothing behind there. */
async function meet(lab: Lab, roles: Roles, weControl: boolean): Promise<void> {
  const { name } = lab.namespace;
  await run("ip", "-n", name, "address", "add", `${ADDRESSES[0]}/32`, "dev", "lo");
  await run("ip", "-n", name, "address", "add", `${ADDRESSES[1]}/128`, "dev", "lo", "nodad");
  const ours = startOurs(lab, roles);
  const theirs = lab.background("/usr/bin/python3", fileHere("aioice_peer.py"), roles.theirs);
  await talk(ours, theirs, weControl).catch((error) => {
    throw new Error(`${error.message}\n--- aioice:\n${theirs.stdout}${theirs.stderr}`);
  });
  for (const peer of [ours, theirs]) {
    await peer.type("close");
    assert.ok((await peer.status).success, peer.stderr);
  }
  await lab.namespace.holdsOnly([]);
}

labTest("aioice: we control", async (lab) => {
  await meet(lab, { ours: "controlling", theirs: "controlled" }, true);
});

labTest("aioice: aioice controls", async (lab) => {
  await meet(lab, { ours: "controlled", theirs: "controlling" }, false);
});

for (const role of ["controlling", "controlled"] as const) {
  for (const tieBreaker of ["lowest", "highest"] as const) {
    labTest(`aioice: both ${role}, our tie-breaker is the ${tieBreaker}`, async (lab) => {
      const roles = { ours: role, theirs: role, tieBreaker: TIE_BREAKER[tieBreaker] };
      await meet(lab, roles, tieBreaker === "highest");
    });
  }
}
