import assert from "node:assert/strict";
import { createCipheriv, pbkdf2Sync } from "node:crypto";
import fc from "fast-check";
import {
  createAuthority,
  createDevice,
  decodeKeyPem,
  decodePem,
  decryptKeyPem,
  decryptPkcs8,
  encodePkcs8,
  encryptKeyPem,
  encryptPkcs8,
  generateSecretKey,
  IdentityError,
  loadIdentity,
  loadOrCreateIdentity,
  MAX_PBKDF2_ITERATIONS,
  PBKDF2_ITERATIONS,
  readKeyFile,
  replaceKeyFile,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { DER, DerReader, readSmallInteger } from "../../lib/identity/der.ts";
import { writeDer, writeInteger, writeOid } from "../../lib/identity/der_writer.ts";

const SECRET_KEY = generateSecretKey();
const PASSPHRASE = "Zoë's correct horse";
const PEM = await encryptKeyPem(SECRET_KEY, PASSPHRASE);
const hex = (bytes: Uint8Array) => bytes.toHex();
const [DER_FORM] = decodePem("ENCRYPTED PRIVATE KEY", PEM) as [Uint8Array];

const OIDS = {
  scheme: "1.2.840.113549.1.5.13",
  derivation: "1.2.840.113549.1.5.12",
  prf: "1.2.840.113549.2.9",
  cipher: "2.16.840.1.101.3.4.1.42",
};

/** An encrypted key as told, whether sensible or not. */
function crafted(
  { plaintext = encodePkcs8(SECRET_KEY), iterations = 1, salt = 16, iv = 16, ...oids }: Partial<
    typeof OIDS & { plaintext: Uint8Array; iterations: number; salt: number; iv: number }
  >,
): Uint8Array {
  const { scheme, derivation, prf, cipher } = { ...OIDS, ...oids };
  const sequence = (...values: Uint8Array[]) => writeDer(DER.sequence, ...values);
  const octets = (content: Uint8Array) => writeDer(DER.octetString, content);
  const saltBytes = new Uint8Array(salt);
  const key = pbkdf2Sync(PASSPHRASE, saltBytes, 1, 32, "sha256");
  const aes = createCipheriv("aes-256-cbc", key, new Uint8Array(16));
  const ciphertext = new Uint8Array([...aes.update(plaintext), ...aes.final()]);
  const parameters = sequence(octets(saltBytes), writeInteger(iterations), sequence(writeOid(prf)));
  return sequence(
    sequence(
      writeOid(scheme),
      sequence(
        sequence(writeOid(derivation), parameters),
        sequence(writeOid(cipher), octets(new Uint8Array(iv))),
      ),
    ),
    octets(ciphertext),
  );
}

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an encrypted key comes back with its passphrase, and with no other", async () => {
  assert.deepEqual(await decryptKeyPem(PEM, PASSPHRASE), SECRET_KEY);
  await assert.rejects(decryptKeyPem(PEM, `${PASSPHRASE} `), { code: "wrong-passphrase" });
  assert.throws(() => decodeKeyPem(PEM), { code: "passphrase-needed" });
  await assert.rejects(encryptKeyPem(SECRET_KEY, ""), { code: "passphrase-needed" });
  assert.ok(!hex(DER_FORM).includes(hex(SECRET_KEY)));
});

Deno.test("two encryptions of one key have nothing in common, and rounds enough", async () => {
  const again = await encryptPkcs8(SECRET_KEY, PASSPHRASE);
  assert.notEqual(hex(again).slice(-160), hex(DER_FORM).slice(-160));
  const algorithm = new DerReader(again).open(0x30).open(0x30);
  algorithm.read(0x06);
  const derivation = algorithm.open(0x30).open(0x30);
  derivation.read(0x06);
  const parameters = derivation.open(0x30);
  assert.equal(parameters.read(0x04).length, 16);
  assert.equal(readSmallInteger(parameters), PBKDF2_ITERATIONS);
  assert.ok(PBKDF2_ITERATIONS >= 600_000);
});

Deno.test("a file cannot make us derive for ever", async () => {
  assert.deepEqual(await decryptPkcs8(crafted({}), PASSPHRASE), SECRET_KEY);
  for (const iterations of [0, MAX_PBKDF2_ITERATIONS + 1, 2 ** 31, 2 ** 40]) {
    const der = crafted({ iterations });
    await assert.rejects(decryptPkcs8(der, PASSPHRASE), { code: "invalid-key" });
  }
  for (const sizes of [{ salt: 129 }, { iv: 15 }, { plaintext: new Uint8Array(1024) }]) {
    await assert.rejects(decryptPkcs8(crafted(sizes), PASSPHRASE), { code: "invalid-key" });
  }
});

Deno.test("other ways of encryption are refused by name, with the remedy", async () => {
  for (const field of Object.keys(OIDS)) {
    const der = crafted({ [field]: "1.2.3.4" });
    await assert.rejects(decryptPkcs8(der, PASSPHRASE), {
      code: "invalid-key",
      message: /encrypted with 1\.2\.3\.4.*openssl pkcs8 -topk8/,
    });
  }
});

Deno.test("garbage gives an IdentityError and nothing else, and costs no derivation", async () => {
  const cut = fc.nat(DER_FORM.length - 1).map((length) => DER_FORM.slice(0, length));
  await fc.assert(
    fc.asyncProperty(fc.oneof(cut, fc.uint8Array({ maxLength: 2000 })), async (der) => {
      await assert.rejects(decryptPkcs8(der, PASSPHRASE), (error) => {
        return error instanceof IdentityError && error.code === "invalid-key";
      });
    }),
    { numRuns: 500 },
  );
});

Deno.test("the source of the passphrase is asked for encrypted keys only", () =>
  inDirectory(async (directory) => {
    let asked = 0;
    const passphrase = () => {
      asked++;
      return Promise.resolve(PASSPHRASE);
    };
    const device = await createDevice("device", await createAuthority("ca"));
    const [certificate, key] = [`${directory}/certificate.crt`, `${directory}/certificate.pem`];
    await writeCertificateFile(certificate, device.chain);
    await writeKeyFile(key, device.secretKey);
    assert.deepEqual(await loadIdentity(certificate, key, { passphrase }), device);
    assert.equal(asked, 0);
    await replaceKeyFile(key, device.secretKey, { passphrase: PASSPHRASE });
    assert.equal((await Deno.stat(key)).mode! & 0o777, 0o600);
    await assert.rejects(loadIdentity(certificate, key), {
      code: "passphrase-needed",
      message: /certificate\.pem: the private key is encrypted/,
    });
    assert.deepEqual(await loadIdentity(certificate, key, { passphrase }), device);
    assert.deepEqual(await loadOrCreateIdentity(directory, { passphrase }), device);
    assert.equal(asked, 2);
    await assert.rejects(readKeyFile(key, { passphrase: () => "wrong" }), {
      code: "wrong-passphrase",
      message: /certificate\.pem: the passphrase is wrong/,
    });
  }));

Deno.test("an encrypted key of another kind is named, not called a wrong passphrase", async () => {
  const plaintext = encodePkcs8(SECRET_KEY);
  plaintext[11] = 0x71; // Ed448
  await assert.rejects(decryptPkcs8(crafted({ plaintext }), PASSPHRASE), {
    code: "invalid-key",
    message: /1\.3\.101\.113: an Ed25519 key/,
  });
});
