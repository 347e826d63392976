import assert from "node:assert/strict";
import { readCertificateFile, readKeyFile } from "../../lib/identity/mod.ts";
import { crtmgr, inFolder, modeOf } from "./crtmgr_process.ts";

const PASSPHRASE = { DHTNET_KEY_PASS: "open sesame" };

/** A CA `ca` and a device `dev`; the options that name the CA. */
async function makeFamily(folder: string): Promise<string[]> {
  const signer = ["-c", `${folder}/ca.crt`, "-p", `${folder}/ca.pem`];
  await succeed("-o", folder);
  await succeed("-o", folder, "-n", "dev", ...signer);
  return signer;
}

async function succeed(...args: string[]): Promise<void> {
  const { code, stderr } = await crtmgr(args, { env: PASSPHRASE });
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
}

/** A command fails with a sentence, and its file is what it was before. */
async function leavesAlone(path: string, message: RegExp, ...args: string[]): Promise<void> {
  const before = [await Deno.readTextFile(path), await modeOf(path)];
  const { code, stdout, stderr } = await crtmgr(args, { env: PASSPHRASE });
  assert.deepEqual([await Deno.readTextFile(path), await modeOf(path)], before, args.join(" "));
  assert.deepEqual([code, stdout], [1, ""], `${args.join(" ")}: ${stderr}`);
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /written|unexpected failure|\n {4}at /);
}

/** Writes what other files hold into one, as a secret. */
async function join(path: string, ...parts: string[]): Promise<void> {
  const texts = parts.map((part) => part.startsWith("/") ? Deno.readTextFile(part) : part);
  await Deno.writeTextFile(path, (await Promise.all(texts)).join(""), { mode: 0o600 });
}

inFolder("renew leaves a file alone that holds more than certificates", async (folder) => {
  const signer = await makeFamily(folder);
  const file = (name: string) => `${folder}/${name}`;
  await join(file("both.pem"), file("dev.pem"), file("dev.crt"));
  const lost = /both\.pem holds more than certificates: a private key, which .* give -o FILE\n/;
  await leavesAlone(file("both.pem"), lost, "renew", file("both.pem"), ...signer);

  // The CA's key may be there once.
  await join(file("ca-both.pem"), file("ca.crt"), file("ca.pem"));
  const itself = ["renew", file("ca-both.pem"), "-c", file("ca-both.pem"), "-p"];
  const kept = /: a private key, which would be lost/;
  await leavesAlone(file("ca-both.pem"), kept, ...itself, file("ca-both.pem"));

  await succeed("revoke", ...signer);
  await join(file("list.pem"), file("dev.crt"), file("ca.crl"), "alice's\n");
  const list = /: a block X509 CRL, other text, which would be lost/;
  await leavesAlone(file("list.pem"), list, "renew", file("list.pem"), ...signer);

  await succeed("renew", file("both.pem"), ...signer, "-o", file("renewed.crt"));
  assert.equal((await readCertificateFile(file("renewed.crt"))).length, 2);
  await readKeyFile(file("both.pem"));
  // What is blank is nothing to lose.
  await join(file("blank.crt"), "\n", file("dev.crt"), "\r\n");
  await succeed("renew", file("blank.crt"), ...signer);
});

inFolder("renew leaves a file alone that holds certificates of others", async (folder) => {
  const signer = await makeFamily(folder);
  const file = (name: string) => `${folder}/${name}`;
  // Of the same name as the first one, but another CA.
  await succeed("-o", file("other"));
  await join(file("bundle.crt"), file("ca.crt"), file("other/ca.crt"));
  const lost = /bundle\.crt holds more than certificates: one that did not sign .* give -o FILE\n/;
  await leavesAlone(file("bundle.crt"), lost, "renew", file("bundle.crt"), ...signer);
  await succeed("renew", file("bundle.crt"), ...signer, "-o", file("renewed.crt"));
  // The signer that the device had before is no loss.
  const other = ["-c", file("other/ca.crt"), "-p", file("other/ca.pem")];
  await succeed("renew", file("dev.crt"), ...other);
  assert.equal((await readCertificateFile(file("dev.crt"))).length, 2);
});

inFolder("encrypt and decrypt leave a file alone that holds more than its key", async (folder) => {
  await makeFamily(folder);
  const file = (name: string) => `${folder}/${name}`;
  await succeed("encrypt", file("dev.pem"), "-o", file("secret.pem"));
  for (const [command, key] of [["encrypt", "dev.pem"], ["decrypt", "secret.pem"]] as const) {
    const cases: [string[], RegExp][] = [
      [
        [file(key), file("dev.crt")],
        /more than one private key: a certificate, which .* -o FILE\n/,
      ],
      [[file(key), file(key)], /more than one private key: a private key, which would be lost/],
      [["Bag Attributes\n", file(key)], /more than one private key: other text, which would/],
    ];
    for (const [index, [parts, message]] of cases.entries()) {
      const path = file(`${command}-${index}.pem`);
      await join(path, ...parts);
      await leavesAlone(path, message, command, path);
      await succeed(command, path, "-o", `${path}.new`);
      assert.match(
        await Deno.readTextFile(`${path}.new`),
        command === "encrypt" ? /^-----BEGIN ENCRYPTED PRIVATE KEY-/ : /^-----BEGIN PRIVATE KEY-/,
      );
    }
    await succeed(command, file(key));
  }
  await join(file("two.pem"), file("ca.pem"), file("dev.pem"));
  await leavesAlone(
    file("two.pem"),
    /: a private key, which would be lost/,
    "decrypt",
    file("two.pem"),
  );
});

inFolder("what holds no private key is told so, and no mode is blamed", async (folder) => {
  const signer = await makeFamily(folder);
  await succeed("revoke", ...signer);
  for (const name of ["dev.crt", "ca.crl"]) {
    const path = `${folder}/${name}`;
    for (const mode of [0o644, 0o600]) {
      await Deno.chmod(path, mode);
      for (const args of [["encrypt", path], ["decrypt", path], ["-a", "-p", path]]) {
        await leavesAlone(
          path,
          new RegExp(`${name} holds no private key in PEM form\\n$`),
          ...args,
        );
      }
    }
  }
  // A key beside it counts.
  const both = `${folder}/both.pem`;
  await join(both, `${folder}/dev.crt`, `${folder}/dev.pem`);
  await Deno.chmod(both, 0o644);
  await leavesAlone(both, /both\.pem is accessible to others \(mode 0644\)/, "encrypt", both);
});
