import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import * as pkijs from "pkijs";
import { createAuthority, createDevice, renewDevice } from "../../lib/identity/mod.ts";

/** What another implementation makes of a certificate, written again by it. */
function rewritten(der: Uint8Array): Uint8Array {
  const certificate = pkijs.Certificate.fromBER(new Uint8Array(der));
  return new Uint8Array(certificate.toSchema(true).toBER());
}

Deno.test("certificates are those that pkijs would write, and Node verifies them", async () => {
  const authority = await createAuthority("räksmörgås ".repeat(12));
  const [root] = authority.chain as [Uint8Array];
  const device = await createDevice("", authority, { days: 1 });
  // From 2050 on times have another form.
  const late = await createAuthority("late", { now: new Date("2051-02-03T04:05:06Z") });
  const renewed = await renewDevice(device.chain[0]!, authority, { days: 90 });
  const issuer = new X509Certificate(root);
  for (const der of [root, device.chain[0]!, late.chain[0]!, renewed[0]!]) {
    assert.deepEqual(rewritten(der), der);
  }
  for (const der of [root, device.chain[0]!, renewed[0]!]) {
    const certificate = new X509Certificate(der);
    assert.ok(certificate.verify(issuer.publicKey));
    assert.ok(certificate.checkIssued(issuer));
  }
  assert.equal(issuer.ca, true);
  assert.equal(issuer.subject, `CN=${"räksmörgås ".repeat(12).slice(0, 64)}`);
  assert.equal(new X509Certificate(device.chain[0]!).ca, false);
});
