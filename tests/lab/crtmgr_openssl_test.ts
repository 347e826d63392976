/** Debian's openssl reads every file that crtmgr writes; crtmgr works with what openssl has made. */
import assert from "node:assert/strict";
import { crtmgr, inFolder } from "../cli/crtmgr_process.ts";
import { run } from "./command.ts";

async function succeed(args: readonly string[], input = "", env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await crtmgr(args, { input, env });
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Whether openssl finds a chain to be valid: `openssl verify`, as strict as it can be. */
async function verify(authority: string, certificate: string, ...more: string[]): Promise<string> {
  return await run("openssl", "verify", "-x509_strict", "-CAfile", authority, ...more, certificate);
}

/** A key and its certificate belong together. */
async function assertPair(path: string, ...pass: string[]): Promise<void> {
  const key = await run("openssl", "pkey", "-in", `${path}.pem`, "-pubout", ...pass);
  assert.equal(await run("openssl", "x509", "-in", `${path}.crt`, "-noout", "-pubkey"), key);
}

inFolder("openssl: what -s and the wizard write", async (folder) => {
  const server = `${folder}/server`, env = { HOME: `${folder}/home` };
  await succeed(["-i"], `server\n${server}\nmy server\nsigned\n`, env);
  await succeed(["-i"], `client\nyes\n${server}/CA\n\n\nmy client\n`, env);
  const ca = `${server}/CA/ca-server`, id = `${server}/id/id-server`;
  const client = `${folder}/home/.dnc/certificate`;
  for (const path of [ca, id, client]) await assertPair(path);
  for (const path of [ca, id, client]) assert.match(await verify(`${ca}.crt`, `${path}.crt`), /OK/);
  const text = await run("openssl", "x509", "-in", `${id}.crt`, "-noout", "-text");
  assert.match(text, /Issuer: CN = my server CA\n/);
  assert.match(text, /Subject: CN = my server\n/);
  assert.match(text, /Signature Algorithm: ED25519/);

  // The list that the server begins with, and the one with a client on it.
  const list = `${server}/ca-server.crl`;
  const readList = () =>
    run("openssl", "crl", "-in", list, "-noout", "-text", "-CAfile", `${ca}.crt`, "-verify");
  assert.match(await readList(), /No Revoked Certificates/);
  const signer = ["-c", `${ca}.crt`, "-p", `${ca}.pem`];
  await succeed(["revoke", `${client}.crt`, ...signer, "--reason", "keyCompromise"]);
  const revoked = await readList();
  assert.match(revoked, /CRL Number: \s+1\n/);
  assert.match(revoked, /Serial Number: [0-9A-F]{32}\n[^]*Key Compromise/);
  const check = ["-crl_check", "-CRLfile", list];
  assert.match(await verify(`${ca}.crt`, `${id}.crt`, ...check), /OK/);
  await assert.rejects(verify(`${ca}.crt`, `${client}.crt`, ...check), /certificate revoked/);
});

inFolder("openssl: keys under a passphrase, renewed certificates, rotated keys", async (folder) => {
  const ca = `${folder}/ca`, laptop = `${folder}/laptop`;
  const signer = ["-c", `${ca}.crt`, "-p", `${ca}.pem`];
  const env = { DHTNET_KEY_PASS: "pass" };
  await succeed(["-o", folder, "--days", "400"]);
  await succeed(["encrypt", `${ca}.pem`], "", env);
  await assertPair(ca, "-passin", "pass:pass");
  await succeed(["-o", folder, "-n", "laptop", "--days", "2", ...signer], "", env);
  await succeed(["renew", `${laptop}.crt`, "--days", "30", ...signer], "", env);
  await assertPair(laptop);
  assert.match(await verify(`${ca}.crt`, `${laptop}.crt`), /OK/);
  // It lasts for more than 29 days, and for fewer than 31.
  const lasts = (days: number) =>
    run("openssl", "x509", "-in", `${laptop}.crt`, "-noout", "-checkend", String(days * 86_400));
  await lasts(29);
  await assert.rejects(lasts(31));
  await succeed(["rotate", `${laptop}.crt`, "-o", `${folder}/new`, ...signer], "", env);
  await assertPair(`${folder}/new/laptop`);
  assert.match(await verify(`${ca}.crt`, `${folder}/new/laptop.crt`), /OK/);
  await succeed(["renew", `${ca}.crt`, "--days", "800", ...signer], "", env);
  assert.match(await verify(`${ca}.crt`, `${laptop}.crt`), /OK/);

  // Encrypted by openssl, as others do it.
  await run(
    "openssl",
    "pkcs8",
    "-topk8",
    "-in",
    `${laptop}.pem`,
    "-out",
    `${folder}/other.pem`,
    ...[
      ...["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-passout", "pass:pass"],
    ],
  );
  await Deno.chmod(`${folder}/other.pem`, 0o600);
  const id = await succeed(["-a", "-p", `${folder}/other.pem`], "", env);
  assert.equal(id, await succeed(["-a", "-c", `${laptop}.crt`]));
});

inFolder(
  "openssl: its own CA and requests, verified, renewed and revoked by crtmgr",
  async (folder) => {
    const at = (name: string) => `${folder}/${name}`;
    for (const name of ["root", "device"]) {
      await run("openssl", "genpkey", "-algorithm", "ed25519", "-out", at(`${name}.pem`));
      await Deno.chmod(at(`${name}.pem`), 0o600);
    }
    const usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    const root = [
      "req",
      "-x509",
      "-new",
      "-key",
      at("root.pem"),
      "-subj",
      "/CN=by openssl",
      ...usage,
    ];
    await run("openssl", ...root, "-days", "99", "-out", at("root.crt"));
    const request = ["req", "-new", "-key", at("device.pem"), "-subj", "/CN=device"];
    await run("openssl", ...request, "-out", at("device.csr"));
    const sign = ["x509", "-req", "-in", at("device.csr"), "-CA", at("root.crt")];
    const serial = ["-CAkey", at("root.pem"), "-set_serial", "0x0badcafe", "-days", "9"];
    // Only with an extension is it of version 3, as peers demand.
    await Deno.writeTextFile(at("ext"), "keyUsage=critical,digitalSignature\n");
    await run("openssl", ...sign, ...serial, "-extfile", at("ext"), "-out", at("device.crt"));

    assert.match(await succeed(["verify", at("device.crt"), "--ca", at("root.crt")]), /: OK\n/);
    const [shown] = (await succeed(["show", "--json", at("device.crt")])).split("\n");
    assert.equal(JSON.parse(shown!).serialNumber, "0badcafe");
    const signer = ["-c", at("root.crt"), "-p", at("root.pem")];
    await succeed(["renew", at("device.crt"), "-o", at("renewed.crt"), ...signer]);
    assert.match(await verify(at("root.crt"), at("renewed.crt")), /OK/);
    await succeed(["revoke", at("device.crt"), ...signer]);
    const check = ["-crl_check", "-CRLfile", at("root.crl")];
    await assert.rejects(verify(at("root.crt"), at("device.crt"), ...check), /certificate revoked/);
    assert.match(await verify(at("root.crt"), at("renewed.crt"), ...check), /OK/);
  },
);
