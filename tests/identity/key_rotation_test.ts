import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createKeyRotation,
  decodeKeyRotation,
  formatId,
  generateSecretKey,
  IdentityError,
  type KeyRotation,
  publicKeyOf,
  readKeyRotationFile,
  successorOf,
  writeKeyRotationFile,
} from "../../lib/identity/mod.ts";

const NOW = new Date("2026-06-01T12:34:56Z");
const [OLD, NEW] = [generateSecretKey(), generateSecretKey()];
const idOf = (secretKey: Uint8Array) => formatId(publicKeyOf(secretKey));
const STATEMENT = createKeyRotation(OLD, NEW, NOW);
const INVALID = { name: "IdentityError", code: "invalid-rotation" };

Deno.test("a statement names both ids and the time", () => {
  assert.deepEqual(decodeKeyRotation(STATEMENT), {
    oldId: idOf(OLD),
    newId: idOf(NEW),
    rotatedAt: NOW,
  });
  assert.throws(() => createKeyRotation(OLD, OLD, NOW), { code: "invalid-key" });
});

Deno.test("both keys have to sign, and every byte counts", () => {
  for (let at = 0; at < STATEMENT.length; at++) {
    const altered = STATEMENT.with(at, STATEMENT[at]! ^ 1);
    assert.throws(() => decodeKeyRotation(altered), INVALID, `byte ${at}`);
  }
  // The signatures of another rotation of the old key, or to the same new key.
  for (const [a, b] of [[OLD, generateSecretKey()], [generateSecretKey(), NEW]]) {
    const other = createKeyRotation(a!, b!, NOW);
    const mixed = STATEMENT.slice();
    mixed.set(other.subarray(-66 * 2), mixed.length - 66 * 2);
    assert.throws(() => decodeKeyRotation(mixed), INVALID);
  }
});

Deno.test("garbage gives an IdentityError and nothing else", () => {
  const cut = fc.nat(STATEMENT.length - 1).map((length) => STATEMENT.slice(0, length));
  fc.assert(fc.property(fc.oneof(cut, fc.uint8Array({ maxLength: 600 })), (der) => {
    assert.throws(() => decodeKeyRotation(der), IdentityError);
  }));
});

Deno.test("an id is followed to its last successor", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((digit) => digit.repeat(64)) as [
    string,
    string,
    string,
    string,
  ];
  const step = (oldId: string, newId: string): KeyRotation => ({ oldId, newId, rotatedAt: NOW });
  assert.equal(successorOf(a, []), a);
  assert.equal(successorOf(a.toUpperCase(), [step(b, c), step(a, b)]), c);
  assert.equal(successorOf(a, [step(a, b), step(a, b)]), b, "stated twice");
  assert.throws(() => successorOf(a, [step(a, b), step(a, c)]), INVALID);
  assert.throws(() => successorOf(a, [step(a, b), step(b, a)]), INVALID);
  assert.equal(successorOf(d, [step(a, b), step(b, a)]), d);
});

Deno.test("statements are kept in a file, which is not overwritten", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/rotation.pem`;
    await writeKeyRotationFile(path, STATEMENT);
    assert.match(await Deno.readTextFile(path), /^-----BEGIN DHTNET KEY ROTATION-----\n/);
    assert.deepEqual(await readKeyRotationFile(path), [decodeKeyRotation(STATEMENT)]);
    await assert.rejects(writeKeyRotationFile(path, STATEMENT), { code: "exists" });
    await Deno.writeTextFile(path, "nothing");
    await assert.rejects(readKeyRotationFile(path), { code: "invalid-pem", message: /rotation/ });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
