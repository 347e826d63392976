import assert from "node:assert/strict";
import { Doorkeeper } from "../../cmd/peer/doorkeeper.ts";
import { TRUST_OPTIONS } from "../../cmd/peer/trust_table.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { CONFIGURATION_OPTIONS, configure } from "../../cmd/tool/configuration.ts";
import {
  createAuthority,
  createDevice,
  createRevocationList,
  type Identity,
  type VerifiedChain,
  verifyChain,
  writeCertificateFile,
  writeRevocationListFile,
} from "../../lib/identity/mod.ts";

const command = (...args: string[]) => parseCommandLine(TRUST_OPTIONS, args);
const peerOf = ({ chain }: Identity): VerifiedChain => verifyChain(chain, new Date());

/** Our own CA with two devices, a CA of others, and what the doorkeeper says. */
async function scene() {
  const authority = await createAuthority("ours");
  const other = await createAuthority("theirs");
  const [self, friend, stranger] = await Promise.all([
    createDevice("self", authority),
    createDevice("friend", authority),
    createDevice("stranger", other),
  ]);
  const said: string[] = [];
  const report = { notice: (text: string) => void said.push(text), detail() {} };
  const open = (anonymous: boolean, ...args: string[]) =>
    Doorkeeper.open(command(...args), { identity: self, anonymous }, report);
  return { authority, other, self, friend, stranger, said, report, open };
}

Deno.test("whom a listener lets in when nothing is said: all, or those of its own CA", async () => {
  const { open, friend, stranger } = await scene();
  const easy = await open(true);
  assert.equal(easy.authorize(peerOf(stranger)), undefined);
  const strict = await open(false);
  assert.equal(strict.authorize(peerOf(friend)), undefined);
  assert.match(strict.authorize(peerOf(stranger))!, /not signed by an authority that is trusted/);
});

Deno.test("whoever is named takes the place of everybody; anonymous says otherwise", async () => {
  const { open, friend, stranger, other } = await scene();
  const allowed = await open(true, "--allow-peer", stranger.id);
  // Besides: those of our own CA.
  for (const one of [stranger, friend]) assert.equal(allowed.authorize(peerOf(one)), undefined);
  assert.ok(allowed.authorize(peerOf(await createDevice("x", other))));
  const theirs = await open(true, "--authority", other.id);
  assert.equal(theirs.authorize(peerOf(stranger)), undefined);
  assert.ok(theirs.authorize(peerOf(friend)), "our own CA is not named");
  const all = await open(false, "--authority", other.id, "-a");
  assert.equal(all.authorize(peerOf(friend)), undefined);
  const closed = await open(true, "--no-anonymous");
  assert.ok(closed.authorize(peerOf(stranger)));
});

Deno.test("a list whose last entry is taken out names nobody, and opens to nobody", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { self, friend, stranger, report, other } = await scene();
    const file = `${directory}/rules.yaml`;
    const options = { ...TRUST_OPTIONS, ...CONFIGURATION_OPTIONS };
    const line = parseCommandLine(options, ["-d", file]);
    const endpoint = { reauthorize: () => 0 };
    const letsIn = async (before: string, after: string): Promise<readonly boolean[]> => {
      await Deno.writeTextFile(file, before);
      const first = await configure({ name: "tool", options }, line, () => undefined);
      const doorkeeper = await Doorkeeper.open(first, { identity: self, anonymous: true }, report);
      await Deno.writeTextFile(file, after);
      await doorkeeper.reload(await first.reread(), endpoint);
      return [friend, stranger].map((one) => doorkeeper.authorize(peerOf(one)) === undefined);
    };
    const named = `allow: [${stranger.id}]\n`, theirs = `authorities: [${other.id}]\n`;
    // Those of our own CA are let in where no other CA takes its place.
    assert.deepEqual(await letsIn(named, "allow: []\n"), [true, false]);
    assert.deepEqual(await letsIn(theirs, "authorities: []\n"), [false, false]);
    assert.deepEqual(await letsIn(named + theirs, "allow: []\nauthorities: []\n"), [false, false]);
    assert.deepEqual(await letsIn(named, "anonymous: true\nallow: []\n"), [true, true]);
    assert.deepEqual(await letsIn(named, "anonymous: false\n"), [true, false]);
    assert.deepEqual(await letsIn(named, "ban: []\n"), [true, true]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a refusal is told once, however often a peer knocks", async () => {
  const { open, stranger, said } = await scene();
  const doorkeeper = await open(false);
  for (let i = 0; i < 100; i++) doorkeeper.authorize(peerOf(stranger));
  assert.equal(said.length, 1);
  assert.match(said[0]!, new RegExp(`^refused ${stranger.id}: this device's certificate`));
});

Deno.test("rules by files: a change counts, a mistake does not", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { open, authority, self, friend, said } = await scene();
    const [ca, crl] = [`${directory}/ca.crt`, `${directory}/ca.crl`];
    await writeCertificateFile(ca, authority.chain);
    const revoke = (number: number, ...devices: Identity[]) =>
      writeRevocationListFile(
        crl,
        createRevocationList(
          authority,
          devices.map((one) => ({
            serialNumber: peerOf(one).serialNumbers[0]!,
            revokedAt: new Date(),
          })),
          { number },
        ),
      );
    await revoke(1);
    const args = ["--authority", ca, "--crl", crl];
    const doorkeeper = await open(false, ...args);
    let asked = 0;
    const endpoint = { reauthorize: () => ++asked };
    assert.equal(doorkeeper.authorize(peerOf(friend)), undefined);

    await revoke(2, friend);
    await doorkeeper.reload(command(...args), endpoint);
    assert.match(doorkeeper.authorize(peerOf(friend))!, /was revoked on/);
    assert.equal(asked, 0, "live sessions go on unless it is asked for");
    await doorkeeper.reload(command(...args, "--end-revoked-sessions"), endpoint);
    assert.equal(asked, 1);

    await Deno.writeTextFile(crl, "damaged");
    const damaged = doorkeeper.reload(command(...args), endpoint);
    await assert.rejects(damaged, { exitCode: 2, message: /ca\.crl/ });
    assert.match(doorkeeper.authorize(peerOf(friend))!, /was revoked on/, "the former rules stay");

    doorkeeper.close("going down");
    assert.equal(doorkeeper.authorize(peerOf(self)), "going down");
    assert.ok(said.some((text) => text.includes("sessions ended")));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("files that no rule can be made of are named", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { open, other, friend, authority } = await scene();
    const [ca, device, crl] = ["ca.crt", "device.crt", "ca.crl"].map((f) =>
      `${directory}/${f}`
    ) as [string, string, string];
    await writeCertificateFile(ca, authority.chain);
    await writeCertificateFile(device, friend.chain);
    await writeRevocationListFile(crl, createRevocationList(other, [], { number: 1 }));
    const cases: [string[], RegExp][] = [
      [["--authority", `${directory}/none`], /no such file: .*none/],
      [["--authority", device], /device\.crt: the certificate of friend is none of a CA/],
      [["--crl", crl], /ca\.crl: the list is by the CA "theirs", whose certificate is not known/],
      [["--crl", ca], /ca\.crt/],
    ];
    for (const [args, message] of cases) {
      await assert.rejects(open(false, ...args), { exitCode: 2, message }, args.join(" "));
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
