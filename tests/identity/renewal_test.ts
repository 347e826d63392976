import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  createIdentity,
  decodeCertificate,
  formatId,
  MAX_VALIDITY_DAYS,
  publicKeyOf,
  readCertificateFile,
  renewAuthority,
  renewDevice,
  replaceCertificateFile,
  verifyChain,
  writeCertificateFile,
} from "../../lib/identity/mod.ts";
import { craft } from "./crafted_certificate.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const LATER = new Date("2030-01-01T00:00:00Z");

Deno.test("validity is as many days as told", async () => {
  const authority = await createAuthority("ca", { now: NOW, days: 100 });
  assert.equal(endOf(authority.chain), "2026-09-09T00:00:00.000Z");
  const device = await createDevice("device", authority, { now: NOW, days: 1 });
  assert.equal(endOf(device.chain), "2026-06-02T00:00:00.000Z");
  const long = await createDevice("device", authority, { now: NOW, days: 1000 });
  assert.equal(endOf(long.chain), endOf(authority.chain));
  for (const days of [0, -1, 1.5, NaN, MAX_VALIDITY_DAYS + 1]) {
    await assert.rejects(createAuthority("ca", { days }), RangeError);
    await assert.rejects(createDevice("device", authority, { days, now: NOW }), RangeError);
  }
  await createAuthority("ca", { days: MAX_VALIDITY_DAYS });
});

function endOf(chain: readonly Uint8Array[]): string {
  return decodeCertificate(chain[0]!).notAfter.toISOString();
}

Deno.test("a device is renewed under its key and name, even after it has expired", async () => {
  const authority = await createAuthority("ca", { now: NOW });
  const device = await createDevice("Zoë's laptop", authority, { now: NOW, days: 1 });
  assert.throws(() => verifyChain(device.chain, LATER), { code: "expired" });
  const chain = await renewDevice(device.chain[0]!, authority, { now: LATER, days: 30 });
  const renewed = verifyChain(chain, LATER);
  assert.equal(renewed.id, device.id);
  assert.deepEqual(renewed.subjects, ["Zoë's laptop", "ca"]);
  assert.equal(renewed.notAfter.toISOString(), "2030-01-31T00:00:00.000Z");
  const [before, after] = [decodeCertificate(device.chain[0]!), decodeCertificate(chain[0]!)];
  assert.equal(after.subjectName, before.subjectName);
  assert.notEqual(after.serialNumber, before.serialNumber);
  createIdentity(device.secretKey, chain);
});

Deno.test("another CA may take a device over; a CA is not renewed as a device", async () => {
  const [one, two] = [await createAuthority("one"), await createAuthority("two")];
  const device = await createDevice("device", one);
  const chain = await renewDevice(device.chain[0]!, two);
  assert.deepEqual(verifyChain(chain, new Date()).chainIds, [device.id, two.id]);
  await assert.rejects(renewDevice(one.chain[0]!, two), { code: "key-usage" });
  await assert.rejects(renewDevice(device.chain[0]!, device), { code: "not-authority" });
  await assert.rejects(renewDevice(new Uint8Array(3), one), { code: "malformed" });
});

Deno.test("an expired CA signs nothing", async () => {
  const authority = await createAuthority("ca", { now: NOW, days: 1 });
  const device = await createDevice("device", authority, { now: NOW });
  await assert.rejects(createDevice("b", authority, { now: LATER }), { code: "expired" });
  await assert.rejects(renewDevice(device.chain[0]!, authority, { now: LATER }), {
    code: "expired",
    message: /2026-06-02/,
  });
});

Deno.test("a renewed CA vouches for what it has signed before", async () => {
  const authority = await createAuthority("ca", { now: NOW, days: 1 });
  const device = await createDevice("device", authority, { now: NOW });
  const renewed = await renewAuthority(authority, { now: NOW, days: 5000 });
  assert.equal(renewed.id, authority.id);
  const { notAfter, serialNumber, keyIdentifier } = decodeCertificate(renewed.chain[0]!);
  assert.equal(notAfter.toISOString(), "2040-02-08T00:00:00.000Z");
  const old = decodeCertificate(authority.chain[0]!);
  assert.notEqual(serialNumber, old.serialNumber);
  assert.deepEqual(keyIdentifier, old.keyIdentifier);
  verifyChain([device.chain[0]!, renewed.chain[0]!], NOW);
  await assert.rejects(renewAuthority(device), { code: "not-authority" });
  const between = craft({ authority: true, issuer: craft({ authority: true }) });
  const identity = createIdentity(between.secretKey, [between.der]);
  assert.equal(identity.id, formatId(publicKeyOf(between.secretKey)));
  await assert.rejects(
    renewAuthority(createIdentity(between.secretKey, [between.der, between.der])),
    {
      code: "incomplete",
    },
  );
});

Deno.test("a renewed chain takes the place of the old one in its file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/certificate.crt`;
    const authority = await createAuthority("ca");
    const device = await createDevice("device", authority);
    await writeCertificateFile(path, device.chain);
    const chain = await renewDevice(device.chain[0]!, authority);
    await replaceCertificateFile(path, chain);
    assert.deepEqual(await readCertificateFile(path), chain);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644);
    assert.equal([...Deno.readDirSync(directory)].length, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
