import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  formatId,
  loadIdentity,
  loadOrCreateIdentity,
  verifyChain,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";

/** Runs Debian's openssl in a directory; its output, or a failed test with its complaint. */
async function openssl(directory: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args,
    cwd: directory,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, `openssl ${args.join(" ")}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

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

inDirectory("openssl reads and verifies every file of an identity", async (directory) => {
  const { id } = await loadOrCreateIdentity(directory);
  assert.match(
    await openssl(directory, "verify", "-x509_strict", "-CAfile", "ca.crt", "certificate.crt"),
    /certificate\.crt: OK/,
  );
  const device = await openssl(directory, "x509", "-in", "certificate.crt", "-noout", "-text");
  assert.match(device, /Version: 3/);
  assert.match(device, /Signature Algorithm: ED25519/);
  assert.match(device, /Issuer: CN = dhtnet CA\n/);
  assert.match(device, /Subject: CN = dhtnet device\n/);
  assert.match(device, /Basic Constraints: critical\s+CA:FALSE/);
  assert.match(device, /Key Usage: critical\s+Digital Signature\n/);
  assert.match(device, /Subject Key Identifier/);
  const authority = await openssl(directory, "x509", "-in", "ca.crt", "-noout", "-text");
  assert.match(authority, /Basic Constraints: critical\s+CA:TRUE/);
  assert.match(authority, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  const identifier = /Subject Key Identifier:\s+([0-9A-F:]+)/.exec(authority)![1]!;
  assert.ok(device.includes(`Authority Key Identifier: \n                ${identifier}`), device);
  for (const file of ["ca.pem", "certificate.pem"]) {
    assert.match(await openssl(directory, "pkey", "-in", file, "-noout", "-text"), /ED25519/);
  }
  const spki = await openssl(directory, "pkey", "-in", "certificate.pem", "-pubout");
  const certified = await openssl(directory, "x509", "-in", "certificate.crt", "-noout", "-pubkey");
  assert.equal(certified, spki);
  const der = Uint8Array.from(atob(spki.split("\n")[1]!), (c) => c.charCodeAt(0));
  assert.equal(formatId(der.slice(-32)), id);
});

inDirectory("openssl keeps names beyond ASCII and dates beyond 2049", async (directory) => {
  const now = new Date("2045-03-04T05:06:07Z");
  const authority = await createAuthority("Zoë's machines", { now });
  const device = await createDevice("日本", authority, { now });
  await writeCertificateFile(`${directory}/device.crt`, device.chain);
  const text = await openssl(
    directory,
    ...["x509", "-in", "device.crt", "-noout", "-subject", "-issuer", "-enddate"],
    ...["-nameopt", "utf8"],
  );
  assert.match(text, /subject=CN=日本\n/);
  assert.match(text, /issuer=CN=Zoë's machines\n/);
  assert.match(text, /notAfter=Mar {2}4 05:06:07 2055 GMT/);
});

inDirectory("certificates and keys made by openssl are accepted", async (directory) => {
  for (const name of ["ca", "between", "device"]) {
    await openssl(directory, "genpkey", "-algorithm", "ed25519", "-out", `${name}.pem`);
  }
  await openssl(
    directory,
    ...["req", "-x509", "-new", "-key", "ca.pem", "-subj", "/O=Example/CN=openssl CA"],
    ...["-days", "100", "-out", "ca.crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  );
  await signRequest(directory, "between", "ca", "basicConstraints=critical,CA:TRUE,pathlen:0\n");
  await signRequest(
    directory,
    "device",
    "between",
    "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectAltName=DNS:device\n" +
      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n",
  );
  const files = ["device.crt", "between.crt", "ca.crt"].map((name) => `${directory}/${name}`);
  const chain = (await Promise.all(files.map((file) => Deno.readTextFile(file)))).join("");
  await Deno.writeTextFile(`${directory}/chain.crt`, chain);
  const identity = await loadIdentity(`${directory}/chain.crt`, `${directory}/device.pem`);
  const verified = verifyChain(identity.chain, new Date());
  assert.equal(verified.id, identity.id);
  assert.deepEqual(verified.subjects, ["device", "between", "openssl CA"]);

  // And a CA made by openssl signs a device of ours, which openssl verifies in turn.
  const authority = await loadIdentity(`${directory}/ca.crt`, `${directory}/ca.pem`);
  const ours = await createDevice("ours", authority);
  await writeCertificateFile(`${directory}/ours.crt`, ours.chain);
  await writeKeyFile(`${directory}/ours.pem`, ours.secretKey);
  await openssl(directory, "verify", "-x509_strict", "-CAfile", "ca.crt", "ours.crt");
});

inDirectory("an RSA certificate made by openssl is refused by name", async (directory) => {
  await openssl(
    directory,
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.pem", "-out", "rsa.crt"],
    ...["-subj", "/CN=rsa"],
  );
  const der = await new Deno.Command("openssl", {
    args: ["x509", "-in", `${directory}/rsa.crt`, "-outform", "DER"],
  }).output();
  assert.throws(() => verifyChain([der.stdout], new Date()), { code: "unsupported-algorithm" });
  const load = loadIdentity(`${directory}/rsa.crt`, `${directory}/rsa.pem`);
  await assert.rejects(load, { code: "invalid-key", message: /rsa.*Ed25519/ });
});

async function signRequest(
  directory: string,
  name: string,
  issuer: string,
  extensions: string,
): Promise<void> {
  await Deno.writeTextFile(`${directory}/${name}.ext`, extensions);
  await openssl(
    directory,
    ...["req", "-new", "-key", `${name}.pem`, "-subj", `/CN=${name}`, "-out", `${name}.csr`],
  );
  await openssl(
    directory,
    ...["x509", "-req", "-in", `${name}.csr`, "-CA", `${issuer}.crt`, "-CAkey", `${issuer}.pem`],
    ...["-CAcreateserial", "-days", "50", "-extfile", `${name}.ext`, "-out", `${name}.crt`],
  );
}
