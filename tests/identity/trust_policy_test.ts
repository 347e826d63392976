import assert from "node:assert/strict";
import {
  peerMatches,
  refusalOf,
  type TrustRules,
  type VerifiedChain,
  type VerifiedRevocationList,
} from "../../lib/identity/mod.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const [DEVICE, BETWEEN, ROOT, OTHER] = ["aa", "bb", "cc", "dd"].map((octet) =>
  octet.repeat(32)
) as [
  string,
  string,
  string,
  string,
];

const PEER: VerifiedChain = {
  id: DEVICE,
  chainIds: [DEVICE, BETWEEN, ROOT],
  issuerId: BETWEEN,
  subjects: ["device", "between", "root"],
  serialNumbers: ["03", "02", "01"],
  notAfter: new Date("2027-01-01T00:00:00Z"),
};

const NONE: TrustRules = { anonymous: false, authorities: [], allow: [], ban: [], revocations: [] };

function list(authorityId: string, ...serialNumbers: string[]): VerifiedRevocationList {
  const revokedAt = new Date("2026-05-04T03:02:01Z");
  return {
    authorityId,
    issuer: "",
    issuerName: "",
    number: 1n,
    thisUpdate: NOW,
    nextUpdate: undefined,
    revocations: new Map(
      serialNumbers.map((serialNumber) => [
        serialNumber,
        { serialNumber, revokedAt, reason: "keyCompromise" },
      ]),
    ),
    signed: new Uint8Array(),
    signature: new Uint8Array(),
  };
}

const refusal = (rules: Partial<TrustRules>, now = NOW) =>
  refusalOf({ ...NONE, ...rules }, PEER, now);

Deno.test("a CA is trusted wherever it stands above the device", () => {
  assert.match(refusal({})!, /not signed by an authority that is trusted here/);
  assert.match(refusal({ authorities: [OTHER] })!, /not signed by an authority/);
  assert.equal(refusal({ authorities: [OTHER, BETWEEN] }), undefined);
  assert.equal(refusal({ authorities: [ROOT] }), undefined);
  assert.match(refusal({ authorities: [DEVICE] })!, /not signed/, "a device is no CA");
});

Deno.test("a device is let in by its own id, and everybody by anonymous", () => {
  assert.equal(refusal({ allow: [DEVICE] }), undefined);
  assert.match(refusal({ allow: [ROOT] })!, /not signed/);
  assert.equal(refusal({ anonymous: true }), undefined);
});

Deno.test("a ban of the device or of any CA above it wins over all", () => {
  const welcome = { anonymous: true, allow: [DEVICE], authorities: [ROOT] };
  assert.equal(refusal({ ...welcome, ban: [DEVICE] }), "this device is banned here");
  for (const id of [BETWEEN, ROOT]) {
    assert.equal(refusal({ ...welcome, ban: [id] }), `the CA ${id} of this device is banned here`);
  }
  assert.equal(refusal({ ...welcome, ban: [OTHER] }), undefined);
  assert.match(refusal({ ...welcome, ban: [DEVICE.toUpperCase()] })!, /banned/);
});

Deno.test("a revoked certificate is refused by its own CA's list, at every height", () => {
  const welcome = { anonymous: true, allow: [DEVICE], authorities: [ROOT] };
  const refusedBy = (...revocations: VerifiedRevocationList[]) =>
    refusal({ ...welcome, revocations });
  assert.equal(
    refusedBy(list(BETWEEN, "99", "03")),
    "this device's certificate was revoked on 2026-05-04T03:02:01.000Z (keyCompromise)",
  );
  assert.match(refusedBy(list(OTHER), list(ROOT, "02"))!, new RegExp(`the CA ${BETWEEN} was`));
  assert.match(refusedBy(list(ROOT, "01"))!, new RegExp(`the CA ${ROOT} was revoked`));
  // The number of another CA's certificate says nothing of ours.
  assert.equal(
    refusedBy(list(ROOT, "03"), list(BETWEEN, "02", "01"), list(OTHER, "03")),
    undefined,
  );
});

Deno.test("certificates that have expired since the handshake are refused", () => {
  const welcome = { anonymous: true, allow: [DEVICE], authorities: [ROOT] };
  assert.equal(refusal(welcome, PEER.notAfter), undefined);
  assert.equal(
    refusal(welcome, new Date("2027-01-01T00:00:00.001Z")),
    "the certificates expired on 2027-01-01T00:00:00.000Z",
  );
});

Deno.test("a rule for one service names ids and CAs, and nobody when it is empty", () => {
  assert.ok(!peerMatches({}, PEER));
  assert.ok(!peerMatches({ ids: [OTHER], authorities: [DEVICE] }, PEER));
  assert.ok(peerMatches({ ids: [OTHER, DEVICE.toUpperCase()] }, PEER));
  assert.ok(peerMatches({ ids: [OTHER], authorities: [ROOT] }, PEER));
});

Deno.test("trust policy: at a time that is none, certificates count as expired", () => {
  const rules = { ...NONE, anonymous: true };
  assert.equal(refusalOf(rules, PEER, NOW), undefined);
  assert.match(refusalOf(rules, PEER, new Date(NaN))!, /expired/);
});
