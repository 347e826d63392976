import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CertificateError,
  type CertificateErrorCode,
  createAuthority,
  createDevice,
  decodeCertificate,
  formatId,
  MAX_CHAIN_LENGTH,
  publicKeyOf,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { craft, type Crafted, type CraftOptions } from "./crafted_certificate.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;

/** Leaf first, from certificates in the order in which they were made. */
const chainOf = (...certificates: Crafted[]) => certificates.reverse().map(({ der }) => der);
const idOf = ({ secretKey }: Crafted) => formatId(publicKeyOf(secretKey));

function refuses(chain: Uint8Array[], code: CertificateErrorCode, index: number, now = NOW) {
  assert.throws(() => verifyChain(chain, now), (error: unknown) => {
    assert.ok(error instanceof CertificateError, String(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.index, index, error.message);
    return true;
  });
}

const root = (options: CraftOptions = {}) => craft({ name: "root", authority: true, ...options });

Deno.test("a device certificate signed by a CA verifies", async () => {
  const authority = await createAuthority("my CA", { now: NOW });
  const device = await createDevice("laptop", authority, { now: NOW });
  const verified = verifyChain(device.chain, NOW);
  assert.equal(verified.id, device.id);
  assert.equal(verified.issuerId, authority.id);
  assert.deepEqual(verified.chainIds, [device.id, authority.id]);
  assert.deepEqual(verified.subjects, ["laptop", "my CA"]);
  assert.equal(verified.notAfter.toISOString(), "2036-06-01T00:00:00.000Z");
});

Deno.test("certificates without restrictions verify, self-signed ones too", () => {
  const alone = craft();
  assert.equal((verifyChain([alone.der], NOW)).issuerId, idOf(alone));
  const authority = root();
  const leaf = craft({ issuer: authority });
  assert.equal((verifyChain(chainOf(authority, leaf), NOW)).issuerId, idOf(authority));
});

Deno.test("a chain of the greatest length verifies, one more is refused", () => {
  const certificates = [root()];
  while (certificates.length < MAX_CHAIN_LENGTH - 1) {
    certificates.push(craft({ authority: true, issuer: certificates.at(-1)!, name: "between" }));
  }
  const leaf = craft({ issuer: certificates.at(-1)! });
  const verified = verifyChain(chainOf(...certificates, leaf), NOW);
  assert.equal(verified.chainIds.length, MAX_CHAIN_LENGTH);
  assert.equal(verified.chainIds.at(-1), idOf(certificates[0]!));
  refuses(Array(MAX_CHAIN_LENGTH + 1).fill(leaf.der), "too-long", 0);
  refuses([], "empty", 0);
});

Deno.test("validity periods of all certificates count", () => {
  const authority = root({ notAfter: new Date("2027-01-01T00:00:00Z") });
  const chain = chainOf(authority, craft({ issuer: authority }));
  const { notAfter } = verifyChain(chain, NOW);
  assert.equal(notAfter.toISOString(), "2027-01-01T00:00:00.000Z");
  verifyChain(chain, notAfter);
  refuses(chain, "expired", 1, new Date("2027-01-01T00:00:01Z"));
  refuses(chain, "expired", 0, new Date("2036-01-01T00:00:01Z"));
  refuses(chain, "not-yet-valid", 0, new Date("2025-12-31T23:59:59Z"));
});

Deno.test("a signature by another key is refused", () => {
  const authority = root();
  const impostor = root();
  const leaf = craft({ issuer: impostor });
  refuses(chainOf(authority, leaf), "bad-signature", 0);
  refuses([craft({ signature: new Uint8Array(64) }).der], "bad-signature", 0);
  refuses([craft({ signature: new Uint8Array(63) }).der], "bad-signature", 0);
});

Deno.test("names have to chain up to a self-signed certificate", () => {
  const authority = root();
  const other = craft({ issuer: authority, issuerName: "someone else" });
  refuses(chainOf(authority, other), "name-mismatch", 0);
  refuses([craft({ issuer: authority }).der], "incomplete", 0);
});

Deno.test("only a CA may sign", () => {
  for (const options of [{ authority: false }, {}]) {
    const device = craft({ name: "device", ...options });
    refuses(chainOf(device, craft({ issuer: device })), "not-authority", 1);
  }
});

Deno.test("a path length constraint counts the intermediate certificates", () => {
  const build = (pathLength: number) => {
    const top = root({ pathLength });
    const between = craft({ name: "between", authority: true, issuer: top });
    return chainOf(top, between, craft({ issuer: between }));
  };
  verifyChain(build(1), NOW);
  refuses(build(0), "path-length", 2);
  const top = root({ pathLength: 0 });
  verifyChain(chainOf(top, craft({ issuer: top })), NOW);
});

Deno.test("key usage is honoured", () => {
  const noSigning = root({ usage: DIGITAL_SIGNATURE });
  refuses(chainOf(noSigning, craft({ issuer: noSigning })), "key-usage", 1);
  const authority = root({ usage: KEY_CERT_SIGN });
  refuses(chainOf(authority, craft({ issuer: authority, usage: 0x20 })), "key-usage", 0);
  const leaf = craft({ issuer: authority, usage: DIGITAL_SIGNATURE });
  verifyChain(chainOf(authority, leaf), NOW);
  refuses([authority.der], "key-usage", 0);
});

Deno.test("an unknown extension is refused when it is critical", () => {
  const extra = (critical: boolean) => craft({ extra: [{ oid: "1.2.3.4", critical }] });
  verifyChain([extra(false).der], NOW);
  refuses([extra(true).der], "critical-extension", 0);
  // Name constraints are known to RFC 5280, but not enforced here.
  const constrained = root({ extra: [{ oid: "2.5.29.30", critical: true }] });
  refuses(chainOf(constrained, craft({ issuer: constrained })), "critical-extension", 1);
});

Deno.test("an extension twice, a version below 3 and trailing bytes are malformed", () => {
  const twice = { oid: "1.2.3.4", critical: false };
  refuses([craft({ extra: [twice, twice] }).der], "malformed", 0);
  refuses([craft({ version: 0 }).der], "malformed", 0);
  refuses([new Uint8Array([...craft().der, 0])], "malformed", 0);
});

Deno.test("algorithms other than Ed25519 are refused, inside and outside of the signed part", () => {
  const rsa = "1.2.840.113549.1.1.11";
  refuses([craft({ algorithm: rsa }).der], "unsupported-algorithm", 0);
  refuses([craft({ innerAlgorithm: rsa }).der], "unsupported-algorithm", 0);
});

Deno.test("garbage of any size gives a CertificateError and nothing else", () => {
  const sound = craft().der;
  const damaged = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 })).map(
    ([at, mask]) => sound.map((byte, index) => index === at ? byte ^ mask : byte),
  );
  const cut = fc.nat(sound.length - 1).map((length) => sound.slice(0, length));
  const nested = fc.nat(1500).map((depth) =>
    new Uint8Array(depth * 2).map((_, i) => i % 2 === 0 ? 0x30 : 0x80)
  );
  const property = fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 5000 }), damaged, cut, nested),
    (der) => {
      assert.throws(() => verifyChain([der], NOW), CertificateError);
    },
  );
  fc.assert(property, { numRuns: 2000 });
  refuses([new Uint8Array(4097)], "too-large", 0);
  assert.throws(() => decodeCertificate(new Uint8Array()), { code: "malformed" });
});
