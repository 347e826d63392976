import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  createRevocationList,
  decodeCertificate,
  decodeRevocationList,
  formatId,
  type Identity,
  loadIdentity,
  loadOrCreateIdentity,
  readKeyFile,
  readRevocationListFile,
  refusalOf,
  renewAuthority,
  renewDevice,
  verifyChain,
  verifyRevocationList,
  writeCertificateFile,
  writeKeyFile,
  writeRevocationListFile,
} from "../../lib/identity/mod.ts";

/** Runs Debian's openssl in a directory; its output, or a failed test with its complaint. */
async function openssl(directory: string, ...args: string[]): Promise<string> {
  const { success, text, complaint } = await run(directory, ...args);
  assert.ok(success, `openssl ${args.join(" ")}: ${text}${complaint}`);
  return text;
}

/** What openssl complains of when it is to fail. */
async function opensslFails(directory: string, ...args: string[]): Promise<string> {
  const { success, text, complaint } = await run(directory, ...args);
  assert.ok(!success, `openssl ${args.join(" ")} succeeded: ${text}`);
  return complaint;
}

async function run(directory: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args,
    cwd: directory,
  }).output();
  const [text, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [
    string,
    string,
  ];
  return { success, text, complaint };
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

inDirectory("openssl reads our revocation lists and refuses what they name", async (directory) => {
  const authority = await createAuthority("our CA");
  const [kept, stolen, lost] = await Promise.all(
    ["kept", "stolen", "lost"].map((name) => createDevice(name, authority)),
  ) as [Identity, Identity, Identity];
  for (const [name, { chain }] of Object.entries({ kept, stolen, lost })) {
    await writeCertificateFile(`${directory}/${name}.crt`, chain);
  }
  await writeCertificateFile(`${directory}/ca.crt`, authority.chain);
  const serials = [stolen, lost].map(({ chain }) => decodeCertificate(chain[0]!).serialNumber);
  const revokedAt = new Date(Date.now() - 60_000);
  const list = createRevocationList(authority, [
    { serialNumber: serials[0]!, revokedAt, reason: "keyCompromise" },
    { serialNumber: serials[1]!, revokedAt },
  ], { number: 258 });
  await writeRevocationListFile(`${directory}/ca.crl`, list);

  const text = await openssl(
    directory,
    ...["crl", "-in", "ca.crl", "-CAfile", "ca.crt", "-noout", "-text", "-verify"],
  );
  assert.match(text, /Version 2/);
  assert.match(text, /Signature Algorithm: ED25519/);
  assert.match(text, /Issuer: CN = our CA\n/);
  assert.match(text, /X509v3 CRL Number: \n\s+258\n/);
  assert.match(text, /X509v3 Authority Key Identifier/);
  assert.match(text, new RegExp(`Serial Number: ${serials[0]}`, "i"));
  assert.match(text, /Key Compromise/);
  const { complaint } = await run(directory, "crl", "-in", "ca.crl", "-CAfile", "ca.crt", "-noout");
  assert.match(complaint, /verify OK/);

  const check = ["verify", "-x509_strict", "-crl_check", "-CAfile", "ca.crt", "-CRLfile", "ca.crl"];
  assert.match(await openssl(directory, ...check, "kept.crt"), /kept\.crt: OK/);
  for (const name of ["stolen", "lost"]) {
    assert.match(await opensslFails(directory, ...check, `${name}.crt`), /certificate revoked/);
  }
  await writeRevocationListFile(
    `${directory}/ca.crl`,
    createRevocationList(authority, [], { number: 259 }),
  );
  await openssl(directory, ...check, "stolen.crt");
});

inDirectory("a revocation list made by openssl counts here", async (directory) => {
  const authority = await createAuthority("our CA");
  const [kept, stolen] = [
    await createDevice("kept", authority),
    await createDevice("stolen", authority),
  ];
  await writeCertificateFile(`${directory}/ca.crt`, authority.chain);
  await writeKeyFile(`${directory}/ca.pem`, authority.secretKey);
  await writeCertificateFile(`${directory}/stolen.crt`, stolen.chain);
  await Deno.writeTextFile(`${directory}/index.txt`, "");
  await Deno.writeTextFile(`${directory}/crlnumber`, "0100\n");
  await Deno.writeTextFile(
    `${directory}/ca.cnf`,
    "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=default\n" +
      "default_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid:always\n",
  );
  const ca = ["ca", "-config", "ca.cnf", "-keyfile", "ca.pem", "-cert", "ca.crt"];
  await openssl(directory, ...ca, "-revoke", "stolen.crt", "-crl_reason", "superseded");
  await openssl(directory, ...ca, "-gencrl", "-out", "ca.crl");

  const [der] = await readRevocationListFile(`${directory}/ca.crl`);
  const now = new Date();
  const list = verifyRevocationList(decodeRevocationList(der!), authority.chain[0]!, now);
  assert.equal(list.number, 256n);
  assert.equal(list.revocations.size, 1);
  const rules = {
    anonymous: false,
    authorities: [authority.id],
    allow: [],
    ban: [],
    revocations: [list],
  };
  assert.equal(refusalOf(rules, verifyChain(kept.chain, now), now), undefined);
  assert.match(refusalOf(rules, verifyChain(stolen.chain, now), now)!, /revoked on .*superseded/);
});

inDirectory("openssl and we read each other's encrypted keys", async (directory) => {
  const { secretKey } = await createAuthority("any");
  const passphrase = "Zoë's correct horse";
  await writeKeyFile(`${directory}/ours.pem`, secretKey, { passphrase });
  const pass = ["-passin", `pass:${passphrase}`];
  const text = await openssl(directory, "pkey", "-in", "ours.pem", ...pass, "-noout", "-text");
  assert.match(text, /ED25519 Private-Key/);
  await opensslFails(directory, "pkey", "-in", "ours.pem", "-passin", "pass:wrong", "-noout");
  await openssl(directory, "pkey", "-in", "ours.pem", ...pass, "-out", "plain.pem");
  assert.deepEqual(await readKeyFile(`${directory}/plain.pem`), secretKey);

  const secret = ["-passout", `pass:${passphrase}`];
  for (
    const options of [[], ["-iter", "10000", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"]]
  ) {
    await openssl(
      directory,
      ...["pkcs8", "-topk8", "-in", "plain.pem", "-out", "theirs.pem", ...secret, ...options],
    );
    await Deno.chmod(`${directory}/theirs.pem`, 0o600);
    const source = { passphrase: () => passphrase };
    assert.deepEqual(await readKeyFile(`${directory}/theirs.pem`, source), secretKey);
    const wrong = readKeyFile(`${directory}/theirs.pem`, { passphrase: () => "wrong" });
    await assert.rejects(wrong, { code: "wrong-passphrase" });
  }
  await openssl(
    directory,
    ...["pkcs8", "-topk8", "-in", "plain.pem", "-out", "scrypt.pem", "-scrypt", ...secret],
  );
  await Deno.chmod(`${directory}/scrypt.pem`, 0o600);
  await assert.rejects(readKeyFile(`${directory}/scrypt.pem`, { passphrase: () => passphrase }), {
    code: "invalid-key",
    message: /not with PBKDF2.*openssl pkcs8/,
  });
});

inDirectory("openssl verifies what was renewed, and shows the days", async (directory) => {
  const authority = await createAuthority("our CA", { days: 20 });
  const device = await createDevice("device", authority, { days: 10 });
  const renewed = await renewAuthority(authority, { days: 400 });
  await writeCertificateFile(`${directory}/ca.crt`, renewed.chain);
  await writeCertificateFile(`${directory}/old.crt`, device.chain);
  const chain = await renewDevice(device.chain[0]!, renewed, { days: 200 });
  await writeCertificateFile(`${directory}/new.crt`, chain);
  for (const name of ["old.crt", "new.crt"]) {
    await openssl(directory, "verify", "-x509_strict", "-CAfile", "ca.crt", name);
  }
  const day = 24 * 60 * 60;
  const stillValidIn = (days: number) => ["-checkend", String(days * day - 3600)];
  await openssl(directory, "x509", "-in", "new.crt", "-noout", ...stillValidIn(200));
  await opensslFails(directory, "x509", "-in", "old.crt", "-noout", ...stillValidIn(11));
});

inDirectory("extensions that openssl users write are borne with", async (directory) => {
  for (const name of ["ca", "device"]) {
    await openssl(directory, "genpkey", "-algorithm", "ed25519", "-out", `${name}.pem`);
  }
  await openssl(
    directory,
    ...["req", "-x509", "-new", "-key", "ca.pem", "-subj", "/C=CA/O=Example/OU=Ops/CN=plain CA"],
    ...["-days", "100", "-out", "ca.crt"],
  );
  await signRequest(
    directory,
    "device",
    "ca",
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,dataEncipherment\n" +
      "extendedKeyUsage=critical,serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n" +
      "authorityKeyIdentifier=keyid,issuer\nsubjectAltName=IP:192.0.2.1,email:a@example.org\n" +
      "crlDistributionPoints=URI:http://example.org/ca.crl\ncertificatePolicies=1.2.3.4\n",
  );
  const chain = await Promise.all(
    ["device.crt", "ca.crt"].map((name) => Deno.readTextFile(`${directory}/${name}`)),
  );
  await Deno.writeTextFile(`${directory}/chain.crt`, chain.join(""));
  const identity = await loadIdentity(`${directory}/chain.crt`, `${directory}/device.pem`);
  const { subjects, serialNumbers } = verifyChain(identity.chain, new Date());
  assert.deepEqual(subjects, ["device", "plain CA"]);
  const serial = await openssl(directory, "x509", "-in", "device.crt", "-noout", "-serial");
  assert.equal(serial.trim().toLowerCase(), `serial=${serialNumbers[0]}`);
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
