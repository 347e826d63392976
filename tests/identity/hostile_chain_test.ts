import assert from "node:assert/strict";
import {
  CertificateError,
  type CertificateErrorCode,
  decodeCertificate,
  formatSerialNumber,
  MAX_CHAIN_LENGTH,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { verify } from "../../lib/identity/ed25519.ts";
import { validatePath } from "../../lib/identity/path_validation.ts";
import { DER } from "../../lib/identity/der.ts";
import { writeDer, writeOid } from "../../lib/identity/der_writer.ts";
import { craft, type Crafted, type CraftOptions } from "./crafted_certificate.ts";

const NOW = new Date("2026-06-01T00:00:00Z");

function refuses(action: () => unknown, code: CertificateErrorCode): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof CertificateError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** A chain that counts how often something is taken out of it. */
function watched(chain: Uint8Array[]): { chain: Uint8Array[]; taken: () => number } {
  let taken = 0;
  const proxy = new Proxy(chain, {
    get(target, property, receiver) {
      if (typeof property === "string" && /^\d+$/.test(property)) taken++;
      return Reflect.get(target, property, receiver);
    },
  });
  return { chain: proxy, taken: () => taken };
}

/** How many signatures are checked before the path is refused, or accepted. */
function signaturesChecked(certificates: Crafted[], code?: CertificateErrorCode): number {
  let checks = 0;
  const validate = () =>
    validatePath(certificates.map(({ der }) => decodeCertificate(der)), NOW, (...args) => {
      checks++;
      return verify(...args);
    });
  if (code === undefined) validate();
  else refuses(validate, code);
  return checks;
}

const authority = (options: CraftOptions = {}) => craft({ authority: true, ...options });

Deno.test("of a thousand certificates none is looked at", () => {
  const { chain, taken } = watched(Array(1000).fill(craft().der));
  refuses(() => verifyChain(chain, NOW), "too-long");
  assert.equal(taken(), 0);
});

Deno.test("a certificate of a megabyte is not read", () => {
  let reads = 0;
  const der = new Proxy(new Uint8Array(1 << 20), {
    get(target, property) {
      if (property !== "length") reads++;
      return Reflect.get(target, property, target);
    },
  });
  refuses(() => verifyChain([der], NOW), "too-large");
  assert.equal(reads, 0);
});

Deno.test("certificates that sign one another in a circle are refused", () => {
  const one = authority({ name: "one" });
  const two = authority({ name: "two", issuer: one });
  const oneByTwo = authority({ name: "one", issuer: two, secretKey: one.secretKey });
  const leaf = craft({ name: "leaf", issuer: two });
  const circle = [leaf, two, oneByTwo, two, oneByTwo];
  assert.equal(circle.length, MAX_CHAIN_LENGTH);
  assert.equal(signaturesChecked(circle, "incomplete"), 0);
  // The same certificate again and again is a chain like any other if it is self-signed.
  const self = authority({ name: "self" });
  assert.equal(signaturesChecked(Array(MAX_CHAIN_LENGTH).fill(self)), MAX_CHAIN_LENGTH);
});

Deno.test("a chain costs one signature each, and none when it is unsound otherwise", () => {
  const root = authority({ name: "root" });
  const between = authority({ name: "between", issuer: root });
  const leaf = craft({ name: "leaf", issuer: between });
  assert.equal(signaturesChecked([leaf, between, root]), 3);
  assert.equal(signaturesChecked([leaf, root, between], "name-mismatch"), 0);
  const expired = authority({ name: "root", notAfter: new Date("2026-02-01T00:00:00Z") });
  assert.equal(signaturesChecked([leaf, between, expired], "expired"), 0);
  const forged = craft({ name: "leaf", issuer: between, signature: new Uint8Array(64) });
  assert.equal(signaturesChecked([forged, between, root], "bad-signature"), 1);
});

Deno.test("a rogue root cannot stand above somebody else's CA", () => {
  const root = authority({ name: "root" });
  const between = authority({ name: "between", issuer: root });
  const leaf = craft({ name: "leaf", issuer: between });
  const rogue = authority({ name: "root" });
  assert.equal(signaturesChecked([leaf, between, rogue], "bad-signature"), 2);
});

Deno.test("serial numbers beyond 20 octets, or padded, are malformed", () => {
  const serial = (...octets: number[]) => craft({ serialNumber: Uint8Array.from(octets) }).der;
  const longest = serial(...Array(20).fill(0x7f));
  assert.deepEqual(verifyChain([longest], NOW).serialNumbers, ["7f".repeat(20)]);
  assert.deepEqual(verifyChain([serial(0, 0x80)], NOW).serialNumbers, ["80"]);
  for (const huge of [21, 200, 3000]) {
    refuses(() => verifyChain([serial(...Array(huge).fill(0x7f))], NOW), "malformed");
  }
  // asn1js would shorten it, so that the octets are put in by hand.
  const padded = serial(0x7f, 0x7f, 0x01);
  const at = padded.toHex().indexOf("02037f7f01") / 2 + 2;
  padded.set([0, 0], at);
  refuses(() => verifyChain([padded], NOW), "malformed");
  assert.equal(formatSerialNumber(Uint8Array.of(0)), "00");
  assert.equal(formatSerialNumber(Uint8Array.of(0x80)), "-80");
});

Deno.test("truncated certificates are malformed, wherever they are cut", () => {
  const { der } = authority({ pathLength: 1, usage: 0x84 });
  for (let length = 0; length < der.length; length++) {
    refuses(() => verifyChain([der.subarray(0, length)], NOW), "malformed");
  }
});

Deno.test("an extension twice is malformed, the known ones too", () => {
  const usage = { oid: "2.5.29.15", critical: true, value: Uint8Array.of(3, 2, 7, 0x80) };
  verifyChain([craft({ extra: [usage] }).der], NOW);
  refuses(() => verifyChain([craft({ extra: [usage, usage] }).der], NOW), "malformed");
  const constraints = { oid: "2.5.29.19", critical: true, value: Uint8Array.of(0x30, 0) };
  refuses(() => verifyChain([authority({ extra: [constraints] }).der], NOW), "malformed");
});

Deno.test("a key that is for other purposes proves no device", () => {
  const purposes = (...oids: string[]) => ({
    oid: "2.5.29.37",
    critical: true,
    value: writeDer(DER.sequence, ...oids.map(writeOid)),
  });
  const [any, server, client, codeSigning] = [
    "2.5.29.37.0",
    "1.3.6.1.5.5.7.3.1",
    "1.3.6.1.5.5.7.3.2",
    "1.3.6.1.5.5.7.3.3",
  ] as const;
  for (const oid of [any, server, client]) {
    verifyChain([craft({ extra: [purposes(codeSigning, oid)] }).der], NOW);
  }
  const wrong = craft({ extra: [purposes(codeSigning)] });
  refuses(() => verifyChain([wrong.der], NOW), "key-usage");
  refuses(() => verifyChain([craft({ extra: [purposes()] }).der], NOW), "malformed");
});
