import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  createIdentity,
  decodePem,
  encodeCertificatePem,
  encodeKeyPem,
  encodePem,
  generateSecretKey,
  loadIdentity,
  loadOrCreateIdentity,
  readKeyFile,
  verifyChain,
  writeKeyFile,
} from "../../lib/identity/mod.ts";

/** Runs a test in a directory of its own, which does not outlive it. */
function inDirectory(name: string, test: (directory: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await test(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

async function listing(directory: string): Promise<Record<string, string>> {
  const modes: Record<string, string> = {};
  for await (const { name } of Deno.readDir(directory)) {
    modes[name] = ((await Deno.stat(`${directory}/${name}`)).mode! & 0o777).toString(8);
  }
  return modes;
}

inDirectory("a first start makes a CA and a device, a second one finds them", async (base) => {
  const directory = `${base}/config/dhtnet`;
  const first = await loadOrCreateIdentity(directory);
  const before = await listing(directory);
  assert.deepEqual(before, {
    "ca.crt": "644",
    "ca.pem": "600",
    "certificate.crt": "644",
    "certificate.pem": "600",
  });
  assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
  const second = await loadOrCreateIdentity(directory);
  assert.deepEqual(second, first);
  const { id, issuerId } = verifyChain(first.chain, new Date());
  assert.equal(id, first.id);
  assert.notEqual(issuerId, id);
});

inDirectory("first starts at the same time end with one identity", async (directory) => {
  const identities = await Promise.all(
    Array.from({ length: 8 }, () => loadOrCreateIdentity(directory)),
  );
  assert.equal(new Set(identities.map(({ id }) => id)).size, 1);
  verifyChain((await loadOrCreateIdentity(directory)).chain, new Date());
  assert.equal(Object.keys(await listing(directory)).length, 4, "no temporary file stays");
});

inDirectory("an interrupted first start is completed with the same keys", async (directory) => {
  const { id } = await loadOrCreateIdentity(directory);
  await Deno.remove(`${directory}/certificate.crt`);
  await Deno.remove(`${directory}/ca.crt`);
  const completed = await loadOrCreateIdentity(directory);
  assert.equal(completed.id, id);
  verifyChain(completed.chain, new Date());
});

inDirectory("an existing CA signs the new device", async (directory) => {
  const authority = await createAuthority("mine");
  await writeKeyFile(`${directory}/ca.pem`, authority.secretKey);
  await Deno.writeTextFile(`${directory}/ca.crt`, encodeCertificatePem(authority.chain));
  const device = await loadOrCreateIdentity(directory);
  assert.equal((verifyChain(device.chain, new Date())).issuerId, authority.id);
});

inDirectory("a certificate without its key is not replaced", async (directory) => {
  await loadOrCreateIdentity(directory);
  await Deno.remove(`${directory}/certificate.pem`);
  await assert.rejects(loadOrCreateIdentity(directory), { code: "missing" });
  assert.equal(Object.keys(await listing(directory)).length, 3);
});

inDirectory("a key that others can access is refused, with the remedy", async (directory) => {
  await loadOrCreateIdentity(directory);
  for (const mode of [0o640, 0o604, 0o660]) {
    await Deno.chmod(`${directory}/certificate.pem`, mode);
    await assert.rejects(loadOrCreateIdentity(directory), {
      code: "readable-by-others",
      message: /chmod 600 .*certificate\.pem/,
    });
  }
});

inDirectory("a file without a key is called that, whatever its mode", async (directory) => {
  const path = `${directory}/one.crt`;
  const { chain } = await createAuthority("one");
  for (const mode of [0o644, 0o600]) {
    await Deno.writeTextFile(path, encodeCertificatePem(chain), { mode });
    await Deno.chmod(path, mode);
    await assert.rejects(readKeyFile(path), {
      code: "invalid-pem",
      message: `${path} holds no private key in PEM form`,
    });
  }
});

inDirectory("an existing file is never overwritten", async (directory) => {
  const path = `${directory}/key.pem`;
  const secretKey = generateSecretKey();
  await writeKeyFile(path, secretKey);
  await assert.rejects(writeKeyFile(path, generateSecretKey()), { code: "exists" });
  assert.deepEqual(await readKeyFile(path), secretKey);
  assert.deepEqual(Object.keys(await listing(directory)), ["key.pem"]);
});

inDirectory("key and certificate have to belong together", async (directory) => {
  const { chain } = await createAuthority("one");
  await writeKeyFile(`${directory}/other.pem`, generateSecretKey());
  await Deno.writeTextFile(`${directory}/one.crt`, encodeCertificatePem(chain));
  const load = loadIdentity(`${directory}/one.crt`, `${directory}/other.pem`);
  await assert.rejects(load, { code: "mismatch", message: /other\.pem.*one\.crt/ });
  assert.throws(() => createIdentity(generateSecretKey(), []), { code: "mismatch" });
  assert.throws(() => createIdentity(generateSecretKey(), [new Uint8Array(9)]), {
    code: "mismatch",
  });
});

inDirectory("files that hold something else are named in the error", async (directory) => {
  const path = `${directory}/key.pem`;
  const contents: [string, string][] = [
    ["", "invalid-pem"],
    ["-----BEGIN PRIVATE KEY-----\nAAAA", "invalid-pem"],
    ["-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----", "invalid-pem"],
    [encodePem("PRIVATE KEY", new Uint8Array(5)), "invalid-key"],
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "passphrase-needed"],
    ["x".repeat(300_000), "invalid-pem"],
  ];
  for (const [text, code] of contents) {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    await assert.rejects(readKeyFile(path), { code, message: text === "" ? /key\.pem/ : /./ });
  }
  await assert.rejects(readKeyFile(`${directory}/none.pem`), { code: "missing" });
  await assert.rejects(readKeyFile(directory), { code: /readable-by-others|io/ });
});

Deno.test("PEM: text around blocks and other labels are skipped", () => {
  const key = generateSecretKey();
  const text = `subject=CN = x\n${encodePem("CERTIFICATE", key)}${encodeKeyPem(key)}\nend`;
  assert.deepEqual(decodePem("CERTIFICATE", text), [key]);
  assert.equal(decodePem("CERTIFICATE", text.replaceAll("\n", "\r\n")).length, 1);
});

Deno.test("a device cannot sign another device", async () => {
  const device = await createDevice("a", await createAuthority("ca"));
  await assert.rejects(createDevice("b", device), { code: "not-authority" });
});

Deno.test("a device certificate does not outlive its CA's", async () => {
  const authority = await createAuthority("ca", { now: new Date("2020-01-01T00:00:00Z") });
  const now = new Date("2026-01-01T00:00:00Z");
  const device = await createDevice("device", authority, { now });
  const { notAfter } = verifyChain(device.chain, now);
  assert.equal(notAfter.toISOString(), "2030-01-01T00:00:00.000Z");
});

Deno.test("dates from 2050 on are written so that they read back", async () => {
  const now = new Date("2049-06-01T00:00:00Z");
  const { chain } = await createDevice("x", await createAuthority("ca", { now }), { now });
  const { notAfter } = verifyChain(chain, now);
  assert.equal(notAfter.toISOString(), "2059-06-01T00:00:00.000Z");
});

Deno.test("an identity's directory has a name: an empty one is not the root directory", async () => {
  await assert.rejects(loadOrCreateIdentity(""), {
    name: "IdentityError",
    code: "io",
  });
});

Deno.test("a chain is not valid at a time that is none", async () => {
  const device = await createDevice("laptop", await createAuthority("my machines"));
  assert.throws(() => verifyChain(device.chain, new Date(NaN)), { code: "not-yet-valid" });
});
