import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CertificateError,
  type CertificateErrorCode,
  createAuthority,
  createDevice,
  createIdentity,
  createRevocationList,
  decodePem,
  decodeRevocationList,
  encodeRevocationListPem,
  isOutdated,
  MAX_REVOCATION_LIST_BYTES,
  MAX_REVOCATIONS,
  readRevocationListFile,
  REVOCATION_REASONS,
  type RevocationEntry,
  sign,
  verifyRevocationList,
  writeRevocationListFile,
} from "../../lib/identity/mod.ts";
import { DER } from "../../lib/identity/der.ts";
import {
  writeBits,
  writeDer,
  writeInteger,
  writeOid,
  writeTime,
} from "../../lib/identity/der_writer.ts";
import { craft } from "./crafted_certificate.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const DAY_MS = 24 * 60 * 60 * 1000;
const authority = await createAuthority("revoking CA", { now: NOW });

function refuses(action: () => unknown, code: CertificateErrorCode): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof CertificateError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const ED25519 = writeDer(DER.sequence, writeOid("1.3.101.112"));

/** A list signed by the CA, of whatever fields. */
function signedList(...fields: Uint8Array[]): Uint8Array {
  const signed = writeDer(DER.sequence, ...fields);
  const signature = writeBits(sign(authority.secretKey, signed));
  return writeDer(DER.sequence, signed, ED25519, signature);
}

const NAME = writeDer(
  DER.sequence,
  writeDer(
    DER.set,
    writeDer(
      DER.sequence,
      writeOid("2.5.4.3"),
      writeDer(DER.utf8String, new TextEncoder().encode("revoking CA")),
    ),
  ),
);
const HEAD = [writeInteger(1), ED25519, NAME, writeTime(NOW)];

function extension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  const flag = critical ? [writeDer(DER.boolean, Uint8Array.of(0xff))] : [];
  return writeDer(DER.sequence, writeOid(oid), ...flag, writeDer(DER.octetString, value));
}

const entriesOf = (...entries: Uint8Array[]) => writeDer(DER.sequence, ...entries);
const extensionsOf = (...extensions: Uint8Array[]) =>
  writeDer(DER.listExtensions, writeDer(DER.sequence, ...extensions));

Deno.test("a list is read back as it was made", () => {
  const revocations: RevocationEntry[] = [...REVOCATION_REASONS.values()].map((reason, i) => ({
    serialNumber: (0x7e + i).toString(16).padStart(2, "0"),
    revokedAt: new Date(NOW.getTime() - i * DAY_MS),
    reason,
  }));
  revocations.push({ serialNumber: "7f".repeat(20), revokedAt: new Date("2051-02-03T04:05:06Z") });
  const der = createRevocationList(authority, revocations, {
    number: 2n ** 100n,
    now: NOW,
    nextUpdate: new Date("2050-01-01T00:00:00Z"),
  });
  const list = verifyRevocationList(decodeRevocationList(der), authority.chain[0]!, NOW);
  assert.equal(list.authorityId, authority.id);
  assert.equal(list.issuer, "revoking CA");
  assert.equal(list.number, 2n ** 100n);
  assert.deepEqual(list.thisUpdate, NOW);
  assert.equal(list.nextUpdate?.toISOString(), "2050-01-01T00:00:00.000Z");
  assert.equal(list.revocations.size, revocations.length);
  for (const { serialNumber, revokedAt, reason } of revocations) {
    assert.deepEqual(list.revocations.get(serialNumber), {
      serialNumber,
      revokedAt,
      // RFC 5280 §5.3.1: rather left out than written.
      reason: reason === "unspecified" ? undefined : reason,
    });
  }
});

Deno.test("a list is for as long as it says, 30 days unless told", () => {
  const list = decodeRevocationList(createRevocationList(authority, [], { number: 0, now: NOW }));
  assert.equal(list.revocations.size, 0);
  assert.equal(list.number, 0n);
  assert.ok(!isOutdated(list, new Date(NOW.getTime() + 30 * DAY_MS)));
  assert.ok(isOutdated(list, new Date(NOW.getTime() + 30 * DAY_MS + 1000)));
  assert.ok(!isOutdated(decodeRevocationList(signedList(...HEAD)), new Date("2100-01-01")));
});

Deno.test("a list of version 1, as openssl makes without a number, counts; extensions it has none", () => {
  const entry = (...more: Uint8Array[]) =>
    writeDer(DER.sequence, writeInteger(0x4d), writeTime(NOW), ...more);
  const version1 = [ED25519, NAME, writeTime(NOW), writeTime(new Date(NOW.getTime() + DAY_MS))];
  const der = signedList(...version1, entriesOf(entry()));
  const list = verifyRevocationList(decodeRevocationList(der), authority.chain[0]!, NOW);
  assert.deepEqual([...list.revocations.keys()], ["4d"]);
  assert.equal(list.number, undefined);
  assert.equal(decodeRevocationList(signedList(...version1)).revocations.size, 0);
  const reason = extension("2.5.29.21", writeDer(DER.enumerated, Uint8Array.of(1)));
  const number = extensionsOf(extension("2.5.29.20", writeInteger(1)));
  const more = entry(writeDer(DER.sequence, reason));
  refuses(() => decodeRevocationList(signedList(...version1, entriesOf(more))), "malformed");
  refuses(
    () => decodeRevocationList(signedList(...version1, entriesOf(entry()), number)),
    "malformed",
  );
});

Deno.test("only the CA's own list counts", async () => {
  const list = decodeRevocationList(createRevocationList(authority, [], { number: 1, now: NOW }));
  const [certificate] = authority.chain as [Uint8Array];
  const sameName = await createAuthority("revoking CA", { now: NOW });
  refuses(() => verifyRevocationList(list, sameName.chain[0]!, NOW), "bad-signature");
  const other = await createAuthority("other", { now: NOW });
  refuses(() => verifyRevocationList(list, other.chain[0]!, NOW), "name-mismatch");
  const altered = { ...list, signed: list.signed.with(list.signed.length - 1, 0xff) };
  refuses(() => verifyRevocationList(altered, certificate, NOW), "bad-signature");
  const short = { ...list, signature: list.signature.subarray(1) };
  refuses(() => verifyRevocationList(short, certificate, NOW), "bad-signature");
});

Deno.test("a list of a day ahead is borne with, of later ones not", () => {
  const list = decodeRevocationList(createRevocationList(authority, [], { number: 1, now: NOW }));
  const verifyAt = (ms: number) =>
    verifyRevocationList(list, authority.chain[0]!, new Date(NOW.getTime() + ms));
  verifyAt(-DAY_MS);
  refuses(() => verifyAt(-DAY_MS - 1), "not-yet-valid");
  verifyAt(365 * DAY_MS);
});

Deno.test("who is no CA, or may not sign lists, neither makes nor vouches for one", async () => {
  const device = await createDevice("device", authority, { now: NOW });
  refuses(() => createRevocationList(device, [], { number: 1 }), "not-authority");
  const KEY_CERT_SIGN = 0x04;
  const { der, secretKey } = craft({ name: "no lists", authority: true, usage: KEY_CERT_SIGN });
  refuses(
    () => createRevocationList(createIdentity(secretKey, [der]), [], { number: 1 }),
    "key-usage",
  );
  for (
    const [options, code] of [[{ authority: true, usage: KEY_CERT_SIGN }, "key-usage"], [
      {},
      "not-authority",
    ]] as const
  ) {
    const issuer = craft({ name: "revoking CA", ...options });
    const list = decodeRevocationList(createRevocationList(authority, [], { number: 1 }));
    refuses(() => verifyRevocationList(list, issuer.der, NOW), code);
  }
});

Deno.test("critical extensions that are not understood are refused, others borne with", () => {
  const none = writeDer(5);
  const entry = (critical: boolean) =>
    entriesOf(writeDer(
      DER.sequence,
      writeInteger(7),
      writeTime(NOW),
      writeDer(DER.sequence, extension("1.2.3.4", none, critical)),
    ));
  assert.equal(decodeRevocationList(signedList(...HEAD, entry(false))).revocations.size, 1);
  refuses(() => decodeRevocationList(signedList(...HEAD, entry(true))), "critical-extension");
  decodeRevocationList(signedList(...HEAD, extensionsOf(extension("1.2.3.4", none))));
  // A delta list says only what has changed; an indirect one speaks of other CAs.
  for (const oid of ["2.5.29.27", "2.5.29.28"]) {
    const list = signedList(...HEAD, extensionsOf(extension(oid, none, true)));
    refuses(() => decodeRevocationList(list), "critical-extension");
  }
});

Deno.test("malformed lists are refused", () => {
  const number = extension("2.5.29.20", writeInteger(1));
  const reason = (code: number) =>
    entriesOf(writeDer(
      DER.sequence,
      writeInteger(7),
      writeTime(NOW),
      writeDer(
        DER.sequence,
        extension("2.5.29.21", writeDer(DER.enumerated, Uint8Array.of(code))),
      ),
    ));
  const sound = signedList(...HEAD, reason(1), extensionsOf(number));
  assert.equal(decodeRevocationList(sound).revocations.get("07")?.reason, "keyCompromise");
  const unsound: Uint8Array[] = [
    new Uint8Array(),
    sound.subarray(0, -1),
    new Uint8Array([...sound, 0]),
    signedList(writeInteger(0), ...HEAD.slice(1)),
    signedList(...HEAD, extensionsOf(number, number)),
    signedList(...HEAD, reason(8)),
    signedList(...HEAD, reason(200)),
    signedList(...HEAD, entriesOf(writeDer(DER.sequence, writeInteger(1n << 160n)))),
    signedList(...HEAD, entriesOf(writeDer(DER.sequence, writeInteger(7)))),
    signedList(...HEAD, extensionsOf(extension("2.5.29.20", writeDer(DER.integer)))),
    signedList(
      ...HEAD,
      extensionsOf(extension("2.5.29.20", writeDer(DER.integer, Uint8Array.of(0x80)))),
    ),
    signedList(...HEAD, number),
  ];
  for (const der of unsound) refuses(() => decodeRevocationList(der), "malformed");
  const rsa = writeDer(DER.sequence, writeOid("1.2.840.113549.1.1.11"));
  const list = signedList(HEAD[0]!, rsa, ...HEAD.slice(2));
  refuses(() => decodeRevocationList(list), "unsupported-algorithm");
});

Deno.test("size and entries are bounded, on both ways", () => {
  const revocations = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      serialNumber: i.toString(16).padStart(40, "0"),
      revokedAt: NOW,
    }));
  const full = createRevocationList(authority, revocations(MAX_REVOCATIONS), { number: 1 });
  assert.equal(decodeRevocationList(full).revocations.size, MAX_REVOCATIONS);
  const many = revocations(MAX_REVOCATIONS + 1);
  refuses(() => createRevocationList(authority, many, { number: 1 }), "too-large");
  const entries = many.map(({ serialNumber }) =>
    writeDer(DER.sequence, writeInteger(BigInt(`0x${serialNumber}`)), writeTime(NOW))
  );
  refuses(() => decodeRevocationList(signedList(...HEAD, entriesOf(...entries))), "too-large");
  refuses(() => decodeRevocationList(new Uint8Array(MAX_REVOCATION_LIST_BYTES + 1)), "too-large");
});

Deno.test("values of half a megabyte are malformed where they make no sense", () => {
  const huge = (tag: number) => writeDer(tag, new Uint8Array(500_000).fill(0x31));
  const lists = [
    signedList(huge(DER.integer)),
    signedList(HEAD[0]!, ED25519, NAME, huge(DER.utcTime)),
    signedList(...HEAD, entriesOf(writeDer(DER.sequence, huge(DER.integer), writeTime(NOW)))),
    signedList(...HEAD, entriesOf(writeDer(DER.sequence, writeInteger(7), huge(DER.utcTime)))),
    signedList(...HEAD, extensionsOf(extension("2.5.29.20", huge(DER.integer)))),
    signedList(...HEAD, extensionsOf(writeDer(DER.sequence, huge(DER.oid)))),
  ];
  for (const der of lists) refuses(() => decodeRevocationList(der), "malformed");
});

Deno.test("serial numbers that are none, or there twice, are refused when a list is made", () => {
  for (const serialNumber of ["", "7", "0x07", "-07", "00".repeat(21)]) {
    const make = () =>
      createRevocationList(authority, [{ serialNumber, revokedAt: NOW }], { number: 1 });
    assert.throws(make, TypeError, serialNumber);
  }
  const twice = [{ serialNumber: "07", revokedAt: NOW }, { serialNumber: "0007", revokedAt: NOW }];
  assert.throws(() => createRevocationList(authority, twice, { number: 1 }), /twice/);
});

Deno.test("damaged lists give a CertificateError and nothing else", () => {
  const sound = createRevocationList(authority, [{ serialNumber: "07", revokedAt: NOW }], {
    number: 1,
    now: NOW,
  });
  const damaged = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 })).map(
    ([at, mask]) => sound.map((byte, index) => index === at ? byte ^ mask : byte),
  );
  const cut = fc.nat(sound.length - 1).map((length) => sound.slice(0, length));
  fc.assert(
    fc.property(fc.oneof(damaged, cut, fc.uint8Array({ maxLength: 600 })), (der) => {
      const verify = () =>
        verifyRevocationList(decodeRevocationList(der), authority.chain[0]!, NOW);
      assert.throws(verify, CertificateError);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("files hold lists of several CAs, and are replaced in one step", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/ca.crl`;
    const lists = [1, 2].map((number) => createRevocationList(authority, [], { number }));
    await writeRevocationListFile(path, lists[0]!);
    await writeRevocationListFile(path, lists[1]!);
    assert.deepEqual(await readRevocationListFile(path), [lists[1]]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644);
    await Deno.writeTextFile(path, lists.map(encodeRevocationListPem).join("text\n"));
    assert.deepEqual(await readRevocationListFile(path), lists);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["ca.crl"]);
    assert.deepEqual(decodePem("X509 CRL", encodeRevocationListPem(lists[0]!)), [lists[0]]);
    await Deno.writeTextFile(path, "nothing");
    await assert.rejects(readRevocationListFile(path), { code: "invalid-pem", message: /ca\.crl/ });
    await assert.rejects(readRevocationListFile(`${path}.none`), { code: "missing" });
    await assert.rejects(writeRevocationListFile(`${directory}/no/ca.crl`, lists[0]!), {
      code: "io",
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
