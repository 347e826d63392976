import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  decodeRevocationList,
  readKeyRotationFile,
  readRevocationListFile,
  verifyRevocationList,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { crtmgr, inFolder, modeOf } from "./crtmgr_process.ts";

/** A CA `ca` and a device `laptop` that it signed, made by the tool itself. */
async function makeFamily(folder: string): Promise<{ signer: string[]; id: string }> {
  const signer = ["-c", `${folder}/ca.crt`, "-p", `${folder}/ca.pem`];
  await succeed("-o", folder);
  await succeed("-o", folder, "-n", "laptop", ...signer);
  return { signer, id: (await succeed("-a", "-c", `${folder}/laptop.crt`)).trim() };
}

/** Runs a command that must not fail; its standard output. */
async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await crtmgr(args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Runs a command that must fail with exit code 1 and a message, and no stack. */
async function fail(message: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await crtmgr(args);
  assert.deepEqual([code, stdout], [1, ""], `${args.join(" ")}: ${stderr}`);
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /unexpected failure|\n {4}at /);
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

inFolder("either file of a device tells its id", async (folder) => {
  const { id } = await makeFamily(folder);
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(await succeed("-a", "-p", `${folder}/laptop.pem`), `${id}\n`);
  const both = ["-a", "-c", `${folder}/laptop.crt`, "-p", `${folder}/laptop.pem`];
  assert.equal(await succeed(...both), `${id}\n`);
  assert.deepEqual(jsonLines(await succeed(...both, "--json")), [{ id }]);
});

inFolder("show says what is in a file, for people and for programs", async (folder) => {
  const { id } = await makeFamily(folder);
  const text = await succeed("show", `${folder}/laptop.crt`, `${folder}/laptop.pem`);
  assert.match(text, /laptop\.crt \(1 of 2\): certificate of laptop\n {2}id +[0-9a-f]{64}\n/);
  assert.match(text, /is a CA +no\n/);
  assert.match(text, /\(2 of 2\): certificate of ca\n/);
  assert.match(text, /laptop\.pem: private key\n/);
  const [leaf, root, key] = jsonLines(
    await succeed("show", "--json", `${folder}/laptop.crt`, `${folder}/laptop.pem`),
  );
  assert.equal(leaf!.id, id);
  assert.deepEqual([leaf!.subject, leaf!.issuer, leaf!.authority], ["laptop", "CN=ca", false]);
  assert.deepEqual([root!.subject, root!.authority], ["ca", true]);
  assert.deepEqual([key!.kind, key!.id, key!.encrypted], ["private key", id, false]);
  await Deno.writeTextFile(`${folder}/other`, "text");
  await fail(/other: no certificate, private key, revocation list/, "show", `${folder}/other`);
  await fail(/no such file/, "show", `${folder}/none`);
});

inFolder("validity is as many days as were asked for", async (folder) => {
  await succeed("-o", folder, "--days", "30");
  const signer = ["-c", `${folder}/ca.crt`, "-p", `${folder}/ca.pem`];
  await succeed("-o", folder, "--days", "7", ...signer);
  const [leaf, root] = jsonLines(await succeed("show", "--json", `${folder}/certificate.crt`));
  for (const [certificate, days] of [[leaf!, 7], [root!, 30]] as const) {
    const left = (Date.parse(String(certificate.notAfter)) - Date.now()) / 86_400_000;
    assert.ok(left > days - 1 && left <= days, `${left} of ${days} days`);
  }
  const { code, stderr } = await crtmgr(["-o", folder, "-n", "x", "--days", "0"]);
  assert.equal(code, 2);
  assert.match(stderr, /--days: expects a number from 1 to/);
});

inFolder("verify accepts what the CA signed, and says why it refuses", async (folder) => {
  await makeFamily(folder);
  await succeed("-o", folder, "-n", "other");
  const laptop = `${folder}/laptop.crt`;
  assert.equal(await succeed("verify", laptop, "--ca", `${folder}/ca.crt`), `${laptop}: OK\n`);
  await fail(/laptop\.crt: .*not signed by/, "verify", laptop, "--ca", `${folder}/other.crt`);
  // Either CA will do.
  await succeed("verify", laptop, "--ca", `${folder}/other.crt`, "--ca", `${folder}/ca.crt`);

  // A file without the CA, as other software writes it.
  const [leaf] = (await Deno.readTextFile(laptop)).split(/(?<=-----END CERTIFICATE-----\n)/);
  await Deno.writeTextFile(`${folder}/leaf.crt`, leaf!);
  await succeed("verify", `${folder}/leaf.crt`, "--ca", `${folder}/ca.crt`);

  const authority = await createAuthority("old", { now: new Date("2001-01-01"), days: 9 });
  const expired = await createDevice("x", authority, { now: new Date("2001-01-02"), days: 1 });
  await writeCertificateFile(`${folder}/expired.crt`, expired.chain);
  await writeCertificateFile(`${folder}/old.crt`, authority.chain);
  const old = ["--ca", `${folder}/old.crt`];
  await fail(/expired\.crt: .*expired on 2001-01-/, "verify", `${folder}/expired.crt`, ...old);
  const { code, stdout } = await crtmgr(["verify", "--json", `${folder}/expired.crt`, ...old]);
  assert.equal(code, 1);
  assert.equal(jsonLines(stdout)[0]!.valid, false);
});

inFolder("revoke takes files, serial numbers and ids; the list only grows", async (folder) => {
  const { signer, id } = await makeFamily(folder);
  for (const name of ["phone", "tablet"]) await succeed("-o", folder, "-n", name, ...signer);
  const list = `${folder}/ca.crl`;
  await succeed("revoke", `${folder}/phone.crt`, ...signer, "--reason", "keyCompromise");
  const [tablet] = jsonLines(await succeed("show", "--json", `${folder}/tablet.crt`));
  const spelled = String(tablet!.serialNumber).toUpperCase().replaceAll(/..(?=.)/g, "$&:");
  await succeed("revoke", spelled, ...signer);
  await succeed("revoke", id, ...signer);
  assert.equal(await modeOf(list), "0644");
  assert.equal(await modeOf(`${folder}/ca.issued`), "0600");

  const [revoked] = jsonLines(await succeed("revocations", list, "--json"));
  assert.deepEqual([revoked!.number, revoked!.verified], ["3", false]);
  const reasons = (revoked!.revocations as { reason?: string }[]).map(({ reason }) => reason);
  assert.deepEqual(reasons, ["keyCompromise", undefined, undefined]);
  const trust = ["--ca", `${folder}/ca.crt`, "--crl", list];
  for (const name of ["laptop", "phone", "tablet"]) {
    await fail(/was revoked on/, "verify", `${folder}/${name}.crt`, ...trust);
  }
  assert.match(await succeed("revocations", list, "--ca", `${folder}/ca.crt`), /revoked +3\n/);

  // Again, and with nobody: the number grows, the entries stay.
  const again = await crtmgr(["revoke", `${folder}/phone.crt`, ...signer]);
  assert.match(again.stderr, /is revoked already\nrevoked: 0, 3 in all\n/);
  await succeed("revoke", ...signer);
  const [der] = await readRevocationListFile(list);
  assert.equal(decodeRevocationList(der!).number, 5n);

  await fail(/no note of a certificate for 0{64}/, "revoke", "0".repeat(64), ...signer);
  await succeed("-o", folder, "-n", "other");
  const other = ["-c", `${folder}/other.crt`, "-p", `${folder}/other.pem`];
  await fail(/phone\.crt is not signed by this CA/, "revoke", `${folder}/phone.crt`, ...other);
  await fail(/not by the CA "other"/, "revoke", "-o", list, ...other);
});

inFolder(
  "revoke refuses the CA itself: nobody that it signed would get in again",
  async (folder) => {
    const { signer } = await makeFamily(folder);
    const files = ["laptop", "ca"].map((name) => `${folder}/${name}.crt`);
    const itself = /is the CA's own certificate: .* everything that it has signed\n/;
    await fail(itself, "revoke", ...files, ...signer);
    const [ca] = jsonLines(await succeed("show", "--json", `${folder}/ca.crt`));
    await fail(itself, "revoke", String(ca!.serialNumber), ...signer);
    await assert.rejects(Deno.stat(`${folder}/ca.crl`), Deno.errors.NotFound);
  },
);

inFolder("revoke refuses what another CA of the same name has signed", async (folder) => {
  const { signer } = await makeFamily(folder);
  await succeed("-o", `${folder}/else`);
  const other = ["-c", `${folder}/else/ca.crt`, "-p", `${folder}/else/ca.pem`];
  await fail(/laptop\.crt is not signed by this CA/, "revoke", `${folder}/laptop.crt`, ...other);
  await assert.rejects(Deno.stat(`${folder}/else/ca.crl`), Deno.errors.NotFound);
  await succeed("revoke", `${folder}/laptop.crt`, ...signer);
});

inFolder("revocations at the same time are all on the list", async (folder) => {
  const { signer } = await makeFamily(folder);
  const serials = ["01", "02", "03", "04"];
  await Promise.all(serials.map((serial) => succeed("revoke", serial, ...signer)));
  const [der] = await readRevocationListFile(`${folder}/ca.crl`);
  const list = decodeRevocationList(der!);
  assert.deepEqual([...list.revocations.keys()].sort(), serials);
  assert.equal(list.number, 4n);
});

inFolder("a list in a server's folder is where its service may read it", async (folder) => {
  await succeed("-s", "-o", folder);
  const signer = ["-c", `${folder}/CA/ca-server.crt`, "-p", `${folder}/CA/ca-server.pem`];
  await succeed("revoke", "abcd", ...signer);
  const [der] = await readRevocationListFile(`${folder}/ca-server.crl`);
  assert.equal(decodeRevocationList(der!).revocations.size, 1);
});

inFolder("renew keeps key and name; the CA may be another one", async (folder) => {
  const { signer, id } = await makeFamily(folder);
  const laptop = `${folder}/laptop.crt`;
  const [before] = jsonLines(await succeed("show", "--json", laptop));
  await succeed("renew", laptop, ...signer, "--days", "90");
  const [after] = jsonLines(await succeed("show", "--json", laptop));
  assert.deepEqual([after!.id, after!.subject], [id, "laptop"]);
  assert.notEqual(after!.serialNumber, before!.serialNumber);

  // The server's CA takes in a device whose private key it never sees.
  await succeed("-o", folder, "-n", "other");
  const other = ["-c", `${folder}/other.crt`, "-p", `${folder}/other.pem`];
  await succeed("renew", laptop, ...other, "-o", `${folder}/signed.crt`);
  await succeed("verify", `${folder}/signed.crt`, "--ca", `${folder}/other.crt`);
  await fail(/exists already/, "renew", laptop, ...other, "-o", `${folder}/signed.crt`);
  // By its id, both certificates of the device are revoked by the CA that signed them.
  await succeed("revoke", id, ...signer);
  const [der] = await readRevocationListFile(`${folder}/ca.crl`);
  assert.equal(decodeRevocationList(der!).revocations.size, 2);

  await succeed("renew", `${folder}/ca.crt`, ...signer, "--days", "40");
  const [ca] = jsonLines(await succeed("show", "--json", `${folder}/ca.crt`));
  assert.ok(Date.parse(String(ca!.notAfter)) < Date.now() + 40 * 86_400_000);
});

inFolder("renew tells the name, which its owner chose", async (folder) => {
  const { id } = await makeFamily(folder);
  await succeed("-o", folder, "-n", "other");
  const other = ["-c", `${folder}/other.crt`, "-p", `${folder}/other.pem`];
  const { stderr } = await crtmgr(["renew", `${folder}/laptop.crt`, ...other]);
  assert.match(stderr, new RegExp(`^device ${id}, name "laptop", valid until `));
  // Other software makes such names.
  const authority = await createAuthority("odd");
  const device = await createDevice("an\x1b[2J\u009btag", authority);
  await writeCertificateFile(`${folder}/odd.crt`, device.chain);
  const odd = await crtmgr(["renew", `${folder}/odd.crt`, ...other]);
  assert.match(odd.stderr, /^device [0-9a-f]{64}, name "an\\u001b\[2J\ufffdtag", valid until /);
});

inFolder("rotate makes a new key and a statement by the old one", async (folder) => {
  const { signer, id } = await makeFamily(folder);
  const rotate = ["rotate", `${folder}/laptop.crt`, ...signer, "-o", `${folder}/new`];
  await succeed(...rotate);
  const renewed = (await succeed("-a", "-c", `${folder}/new/laptop.crt`)).trim();
  assert.notEqual(renewed, id);
  const [rotation] = await readKeyRotationFile(`${folder}/new/laptop.rotation`);
  assert.deepEqual([rotation!.oldId, rotation!.newId], [id, renewed]);
  assert.match(await succeed("show", `${folder}/new/laptop.rotation`), /old id +[0-9a-f]{64}\n/);
  await succeed("verify", `${folder}/new/laptop.crt`, "--ca", `${folder}/ca.crt`);
  assert.equal(await modeOf(`${folder}/new/laptop.pem`), "0600");
  await fail(/exists already/, ...rotate);
  assert.equal((await succeed("-a", "-p", `${folder}/laptop.pem`)).trim(), id);
});

inFolder("a key under a passphrase works wherever the passphrase is known", async (folder) => {
  await makeFamily(folder);
  const key = `${folder}/ca.pem`;
  await Deno.writeTextFile(`${folder}/pass`, "correct horse\n", { mode: 0o600 });
  const passFile = ["--key-pass-file", `${folder}/pass`];
  await succeed("encrypt", key, ...passFile);
  assert.match(await Deno.readTextFile(key), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  assert.equal(await modeOf(key), "0600");

  const device = ["-o", folder, "-c", `${folder}/ca.crt`, "-p", key, "-n"];
  const env = { DHTNET_KEY_PASS: "correct horse" };
  assert.equal((await crtmgr([...device, "one"], { env })).code, 0);
  await succeed(...device, "two", ...passFile);
  const wrong = await crtmgr([...device, "three"], { env: { DHTNET_KEY_PASS: "battery" } });
  assert.deepEqual([wrong.code, /passphrase is wrong/.test(wrong.stderr)], [1, true]);
  const none = await crtmgr([...device, "three"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /needs a passphrase: set DHTNET_KEY_PASS, or give --key-pass-file/);

  await fail(/is encrypted already/, "encrypt", key, ...passFile);
  await fail(/exists already/, "decrypt", key, ...passFile, "-o", `${folder}/laptop.pem`);
  await succeed("decrypt", key, ...passFile);
  assert.match(await Deno.readTextFile(key), /^-----BEGIN PRIVATE KEY-----\n/);
  await fail(/is not encrypted/, "decrypt", key, ...passFile);
});

inFolder("a passphrase that would not protect a new key is refused", async (folder) => {
  await Deno.writeTextFile(`${folder}/pass`, "correct horse\n", { mode: 0o600 });
  const { signer } = await makeFamily(folder);
  const args = ["-o", `${folder}/new`, "-n", "nc"];
  const rotate = ["rotate", `${folder}/laptop.crt`, ...signer, "-o", `${folder}/new`];
  for (const line of [args, [...args, ...signer], rotate]) {
    const { code, stdout, stderr } = await crtmgr([...line, "--key-pass-file", `${folder}/pass`]);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /--key-pass-file has no meaning here: .*; crtmgr encrypt puts/);
    await assert.rejects(Deno.stat(`${folder}/new`), Deno.errors.NotFound);
  }

  // The variable may be set for other runs.
  const env = { DHTNET_KEY_PASS: "correct horse" };
  assert.equal((await crtmgr(args, { env })).code, 0);
});

inFolder("a passphrase that would not protect a server's new keys is refused", async (folder) => {
  await Deno.writeTextFile(`${folder}/pass`, "correct horse\n", { mode: 0o600 });
  const pass = ["--key-pass-file", `${folder}/pass`];
  const args = ["-s", "-o", `${folder}/new`];
  const { code, stdout, stderr } = await crtmgr([...args, ...pass]);
  assert.deepEqual([code, stdout], [2, ""], stderr);
  assert.match(stderr, /--key-pass-file has no meaning here: .*; crtmgr encrypt puts/);
  await assert.rejects(Deno.stat(`${folder}/new`), Deno.errors.NotFound);

  // With a key that it opens it has a meaning, and where nothing is made it does no harm.
  await succeed(...args);
  await succeed(...args, ...pass);
  await succeed("encrypt", `${folder}/new/CA/ca-server.pem`, ...pass);
  await Deno.remove(`${folder}/new/id`, { recursive: true });
  await succeed(...args, ...pass);
});

inFolder("a list of another CA is a failure, and no wrong usage", async (folder) => {
  const { signer } = await makeFamily(folder);
  await succeed("-o", folder, "-n", "other");
  await succeed("revoke", ...signer);
  const [list, other] = [`${folder}/ca.crl`, ["--ca", `${folder}/other.crt`]];
  const unknown = /ca\.crl: the list is by the CA "ca", whose certificate is not known here/;
  await fail(unknown, "revocations", list, ...other);
  await fail(unknown, "verify", `${folder}/laptop.crt`, ...other, "--crl", list);
  await fail(/no such file/, "verify", `${folder}/laptop.crt`, ...other, "--crl", `${folder}/none`);
});

inFolder("what a link leads to is changed, and not only the link", async (folder) => {
  const { signer } = await makeFamily(folder);
  const links = `${folder}/links`;
  await Deno.mkdir(links);
  const revoked = ["revoke", `${folder}/laptop.crt`, ...signer];
  await succeed(...revoked);
  for (const name of ["laptop.crt", "laptop.pem", "ca.crl"]) {
    const [file, link] = [`${folder}/${name}`, `${links}/${name}`];
    await Deno.symlink(`../${name}`, link);
    const before = await Deno.readTextFile(file);
    if (name === "laptop.crt") await succeed("renew", link, ...signer);
    else if (name === "ca.crl") await succeed(...revoked, "-o", link);
    else {
      const passphrase = { DHTNET_KEY_PASS: "open sesame" };
      const { code, stderr } = await crtmgr(["encrypt", link], { env: passphrase });
      assert.equal(code, 0, stderr);
      // The key must not stay behind in the clear.
      assert.match(await Deno.readTextFile(file), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    }
    assert.equal(await Deno.readLink(link), `../${name}`);
    assert.notEqual(await Deno.readTextFile(file), before, name);
  }
});

inFolder("-s makes a server's CA and id once, with upstream's names", async (folder) => {
  const directory = `${folder}/new/server/`;
  await succeed("-s", "-o", directory);
  const files = ["CA/ca-server.crt", "CA/ca-server.pem", "id/id-server.crt", "id/id-server.pem"];
  const read = () =>
    Promise.all(files.map((file) => Deno.readTextFile(`${folder}/new/server/${file}`)));
  const first = await read();
  for (const name of ["CA", "id"]) assert.equal(await modeOf(directory + name), "0700");
  assert.equal(await modeOf(`${directory}CA/ca-server.pem`), "0600");
  await succeed("verify", `${directory}id/id-server.crt`, "--ca", `${directory}CA/ca-server.crt`);

  const again = await crtmgr(["-s", "-o", directory]);
  assert.match(again.stderr, /kept: CA .*\n.*\nkept: device /);
  assert.deepEqual(await read(), first);

  // What was interrupted is completed under the key that is there.
  await Deno.remove(`${directory}id/id-server.crt`);
  await succeed("-s", "-o", directory);
  const id = async (
    file: string,
  ) => (await succeed("-a", file, `${directory}id/id-server.${file === "-c" ? "crt" : "pem"}`));
  assert.equal(await id("-c"), await id("-p"));

  // A CA that is kept elsewhere is not replaced by a new one.
  await Deno.remove(`${directory}CA`, { recursive: true });
  await succeed("-s", "-o", directory);
  assert.deepEqual([...Deno.readDirSync(`${directory}CA`)], []);

  await Deno.remove(`${directory}id/id-server.pem`);
  await fail(/id-server\.crt has no private key/, "-s", "-o", directory);
});

inFolder("a CA by other means signs as well", async (folder) => {
  const authority = await createAuthority("elsewhere");
  await writeCertificateFile(`${folder}/root.crt`, authority.chain);
  await writeKeyFile(`${folder}/root.pem`, authority.secretKey);
  const signer = ["-c", `${folder}/root.crt`, "-p", `${folder}/root.pem`];
  await succeed("-o", folder, "-n", "x", ...signer);
  await succeed("revoke", `${folder}/x.crt`, ...signer, "-o", `${folder}/list`);
  const [der] = await readRevocationListFile(`${folder}/list`);
  verifyRevocationList(decodeRevocationList(der!), authority.chain[0]!, new Date());
});

inFolder("hostile files are refused at once, with a sentence", async (folder) => {
  await makeFamily(folder);
  const [leaf] = (await Deno.readTextFile(`${folder}/laptop.crt`)).split(/(?<=-----END .*-----\n)/);
  const pem = (base64: string) =>
    `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  const files: [string, string, RegExp][] = [
    ["hundreds", leaf!.repeat(500), /50\d certificates, at most \d+ allowed/],
    ["endless", leaf!.repeat(5000), /larger than \d+ bytes/],
    ["truncated", leaf!.replace(/.{4}\n(?=-----END)/, "\n"), /not an X\.509|not base64|malformed/],
    ["nothing", pem("MAA="), /not an X\.509 v3 certificate/],
    ["random", pem(btoa("\u00ff".repeat(300))), /not an X\.509 v3 certificate/],
    ["no-end", "-----BEGIN CERTIFICATE-----\nAAAA", /the CERTIFICATE block has no end/],
  ];
  for (const [name, text, message] of files) {
    const path = `${folder}/${name}`;
    await Deno.writeTextFile(path, text);
    await fail(message, "verify", path, "--ca", `${folder}/ca.crt`);
    if (name !== "hundreds") await fail(message, "show", path);
  }
});
