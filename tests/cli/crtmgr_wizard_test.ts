import assert from "node:assert/strict";
import { parse } from "yaml";
import { loadIdentity, verifyChain } from "../../lib/identity/mod.ts";
import { crtmgr, inFolder, modeOf } from "./crtmgr_process.ts";

/** Runs the wizard with answers, one a line; what it says goes to standard error. */
async function wizard(folder: string, ...answers: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(folder, lines(answers));
  assert.deepEqual([code, stdout], [0, ""], stderr);
  return stderr;
}

async function run(folder: string, input: string | ReadableStream<Uint8Array>) {
  return await crtmgr(["--interactive"], { input, env: { HOME: `${folder}/home` } });
}

function lines(answers: readonly string[]): string {
  return answers.map((answer) => `${answer}\n`).join("");
}

async function settings(path: string): Promise<Record<string, unknown>> {
  return parse(await Deno.readTextFile(path));
}

inFolder("the wizard sets a server up; defaults at the end of input", async (folder) => {
  const said = await wizard(folder, "server", `${folder}/server`);
  const server = `${folder}/server`;
  const identity = await loadIdentity(`${server}/id/id-server.crt`, `${server}/id/id-server.pem`);
  const authority = await loadIdentity(`${server}/CA/ca-server.crt`, `${server}/CA/ca-server.pem`);
  assert.equal(verifyChain(identity.chain, new Date()).issuerId, authority.id);
  assert.match(said, new RegExp(`This server's id: ${identity.id}\n`));
  assert.match(said, new RegExp(`ssh USER@dnc/${identity.id}\n`));
  assert.match(said, /-l -d .*\/server\/dnc\.yaml\n/);
  assert.deepEqual(await settings(`${server}/dnc.yaml`), {
    certificate: `${server}/id/id-server.crt`,
    privateKey: `${server}/id/id-server.pem`,
    anonymous: true,
    authorized_services: [{ ip: "127.0.0.1", port: 22 }],
    bootstrap: "bootstrap.sfl.io",
    enable_upnp: true,
    verbose: false,
  });
  assert.deepEqual(await Promise.all(["CA", "id"].map((name) => modeOf(`${server}/${name}`))), [
    "0700",
    "0700",
  ]);
  // Every key has its explanation above it.
  const text = await Deno.readTextFile(`${server}/dnc.yaml`);
  for (const [key] of text.matchAll(/^\w+:/gm)) {
    assert.match(text, new RegExp(`^# .*\n${key}`, "m"));
  }
  assert.match(text, /^# {3}- ip: 127\.0\.0\.1\n# {5}port: 80\n/m);
});

inFolder("the wizard takes no name that terminals take for commands", async (folder) => {
  const said = await wizard(folder, "s", `${folder}/server`, "a\x1b[2Jb", "plain");
  assert.match(said, /a name has no control characters\n/);
  const { chain } = await loadIdentity(
    `${folder}/server/id/id-server.crt`,
    `${folder}/server/id/id-server.pem`,
  );
  assert.equal(verifyChain(chain, new Date()).subjects[0], "plain");
});

inFolder("a second run keeps CA, id and configuration", async (folder) => {
  const server = `${folder}/server`;
  await wizard(folder, "s", server);
  const files = ["dnc.yaml", "CA/ca-server.crt", "CA/ca-server.pem", "id/id-server.crt"];
  const read = () => Promise.all(files.map((file) => Deno.readTextFile(`${server}/${file}`)));
  await Deno.writeTextFile(`${server}/dnc.yaml`, "\n# mine\n", { append: true });
  const before = await read();
  assert.match(await wizard(folder, "S", server), /dnc\.yaml exists\. Change what it says\?/);
  assert.deepEqual(await read(), before);

  // Also when the configuration is to change, which then has the answers and all else that it had.
  const said = await wizard(folder, "s", server, "y", "signed", "[::1]:80 unix-host:443", "h:1 i");
  assert.match(said, /kept: CA .*\n.*\nkept: device/);
  const after = await read();
  assert.deepEqual(after.slice(1), before.slice(1));
  const changed = await settings(`${server}/dnc.yaml`);
  assert.equal(changed.anonymous, false);
  assert.equal(changed.crl, `${server}/ca-server.crl`);
  assert.deepEqual(changed.bootstrap, ["h:1", "i"]);
  assert.deepEqual(changed.authorized_services, [
    { ip: "::1", port: 80 },
    { ip: "unix-host", port: 443 },
  ]);
  const comments = (text: string) => text.match(/^#(?! ?crl:).*/gm);
  assert.deepEqual(comments(after[0]!), comments(before[0]!));
});

inFolder("the wizard sets a client up, with relay and ssh", async (folder) => {
  const answers = ["client", "no", "", "yes", "my laptop", "", "relay.example.org", "alice", "pw"];
  const said = await wizard(folder, ...answers);
  const home = `${folder}/home`;
  const identity = await loadIdentity(
    `${home}/.dnc/certificate.crt`,
    `${home}/.dnc/certificate.pem`,
  );
  assert.deepEqual(verifyChain(identity.chain, new Date()).subjects, ["my laptop", "my laptop CA"]);
  assert.match(said, new RegExp(`This device's id: ${identity.id}\n`));
  assert.doesNotMatch(said, /\bpw\b/);
  assert.deepEqual(await settings(`${home}/.dnc/config.yml`), {
    certificate: `${home}/.dnc/certificate.crt`,
    privateKey: `${home}/.dnc/certificate.pem`,
    ip: "127.0.0.1",
    port: 22,
    bootstrap: "bootstrap.sfl.io",
    turn_host: "relay.example.org",
    turn_user: "alice",
    turn_pass_file: `${home}/.dnc/turn-password`,
    enable_upnp: true,
    verbose: false,
  });
  assert.equal(await Deno.readTextFile(`${home}/.dnc/turn-password`), "pw\n");
  for (const file of ["turn-password", "certificate.pem", "ca.pem"]) {
    assert.equal(await modeOf(`${home}/.dnc/${file}`), "0600");
  }
  assert.equal(await modeOf(`${home}/.dnc`), "0700");
  assert.equal(await modeOf(`${home}/.ssh`), "0700");
  assert.equal(await modeOf(`${home}/.ssh/config`), "0600");
  const ssh = await Deno.readTextFile(`${home}/.ssh/config`);
  assert.match(ssh, /^Host dnc\/\* \*\.dnc\n {4}ProxyCommand .* -d .*\/config\.yml "\$\(/m);

  // Once more: everything is there, so there is nothing to name, and nothing changes.
  const again = await wizard(folder, "client", "no", "", "no", "yes");
  assert.match(again, /kept: device/);
  assert.match(again, /kept: Host dnc/);
  assert.equal(await Deno.readTextFile(`${home}/.ssh/config`), ssh);
});

inFolder("a client whose certificate the server's CA signs", async (folder) => {
  const server = `${folder}/server`, dnc = `${folder}/home/.dnc`;
  await wizard(folder, "server", server);
  const authority = await loadIdentity(`${server}/CA/ca-server.crt`, `${server}/CA/ca-server.pem`);
  // First on its own; then the CA signs the same key.
  await wizard(folder, "client", "no", "", "no");
  const own = await loadIdentity(`${dnc}/certificate.crt`, `${dnc}/certificate.pem`);
  // What stands beside the certificate is not lost by that.
  const file = `${dnc}/certificate.crt`, certificate = await Deno.readTextFile(file);
  const both = certificate + await Deno.readTextFile(`${dnc}/certificate.pem`);
  await Deno.writeTextFile(file, both);
  const refused = await run(folder, lines(["client", "yes", `${server}/CA/`, "", "yes"]));
  assert.match(refused.stderr, /holds more than certificates: a private key/);
  assert.deepEqual([refused.code, await Deno.readTextFile(file)], [1, both]);
  await Deno.writeTextFile(file, certificate);
  const said = await wizard(folder, "client", "yes", `${folder}/none`, `${server}/CA/`, "", "yes");
  assert.match(said, /no such file: .*none\/ca-server\.crt\n/);
  assert.match(said, /is not signed by that CA\. Replace it, under the same key and id\?/);
  const signed = await loadIdentity(`${dnc}/certificate.crt`, `${dnc}/certificate.pem`);
  assert.equal(signed.id, own.id);
  assert.equal(verifyChain(signed.chain, new Date()).issuerId, authority.id);
  // It stands in the CA's register, so that it can be revoked by its id.
  const signer = ["-c", `${server}/CA/ca-server.crt`, "-p", `${server}/CA/ca-server.pem`];
  assert.equal((await crtmgr(["revoke", signed.id, ...signer])).code, 0);
  // And a new client from the start.
  const fresh = `${folder}/fresh`;
  await wizard(folder, "client", "yes", `${server}/CA`, fresh, "no");
  const { chain } = await loadIdentity(`${fresh}/certificate.crt`, `${fresh}/certificate.pem`);
  assert.equal(verifyChain(chain, new Date()).issuerId, authority.id);
  assert.deepEqual([...Deno.readDirSync(fresh)].map(({ name }) => name).sort(), [
    "certificate.crt",
    "certificate.pem",
    "config.yml",
  ]);
});

inFolder("what cannot be is asked again, and nothing is written before the end", async (folder) => {
  const server = `${folder}/server`;
  await Deno.writeTextFile(`${folder}/file`, "");
  const answers = [
    ...["perhaps", "server", `${folder}/file`, server, "me", "nobody", "anyone"],
    ...["22", "127.0.0.1:99999", "127.0.0.1:22", "a b:", "a b:1", "turn:", "none"],
  ];
  const said = await wizard(folder, ...answers);
  for (
    const complaint of [
      /please answer client or server/,
      /file is not a folder/,
      /please answer anyone or signed/,
      /expects HOST:PORT such as 127\.0\.0\.1:22 or \[::1\]:80, not "22"/,
      /expects a port from 1 to 65535, not "99999"/,
      /expects HOST or HOST:PORT, IPv6 in brackets, not "b:"/,
      /expects HOST, HOST:PORT or/,
    ]
  ) assert.match(said, complaint);

  const broken = await run(folder, lines(["server", `${folder}/other`, "", "nobody"]));
  assert.equal(broken.code, 2);
  assert.match(
    broken.stderr,
    /no acceptable answer to "Who may connect.*: please answer anyone or/,
  );
  await assert.rejects(Deno.stat(`${folder}/other`), Deno.errors.NotFound);

  const user = ["client", "no", `${folder}/other`, "no", "", "", "relay.example.org", "alice"];
  const nameless = await run(folder, lines(user));
  assert.equal(nameless.code, 2);
  assert.match(nameless.stderr, /the relay's user alice needs a password/);
  await assert.rejects(Deno.stat(`${folder}/other`), Deno.errors.NotFound);
});

inFolder("a pipe without end, and a line without end, come to an end", async (folder) => {
  const endless = (text: string) =>
    ReadableStream.from((function* () {
      const bytes = new TextEncoder().encode(text.repeat(1000));
      for (;;) yield bytes;
    })());
  const nonsense = await run(folder, endless("nonsense\n"));
  assert.deepEqual([nonsense.code, nonsense.stdout], [2, ""]);
  assert.match(nonsense.stderr, /no acceptable answer/);
  const line = await run(folder, endless("x"));
  assert.equal(line.code, 2);
  assert.match(line.stderr, /an answer has more than 4096 bytes/);
});

inFolder(
  "a configuration that is no YAML is named with its line, and left alone",
  async (folder) => {
    const server = `${folder}/server`;
    await Deno.mkdir(server);
    const text = "bootstrap: a\nport: [1\n";
    await Deno.writeTextFile(`${server}/dnc.yaml`, text);
    const { code, stderr } = await run(folder, lines(["server", server, "yes"]));
    assert.equal(code, 2);
    assert.match(stderr, /dnc\.yaml:\d+: .*put that right, or move the file away/);
    assert.equal(await Deno.readTextFile(`${server}/dnc.yaml`), text);
  },
);

inFolder("a server whose CA is kept elsewhere heeds no list that is not there", async (folder) => {
  const server = `${folder}/server`;
  await wizard(folder, "server", server);
  await Deno.remove(`${server}/CA`, { recursive: true });
  await wizard(folder, "server", server, "yes", "signed");
  const { anonymous, crl } = await settings(`${server}/dnc.yaml`);
  assert.deepEqual([anonymous, crl], [false, undefined]);
});

inFolder("a configuration that came with the package is filled in", async (folder) => {
  const server = `${folder}/server`;
  await Deno.mkdir(server);
  for (const shipped of ["# certificate: FILE", `certificate: ${server}/id/id-server.crt`]) {
    const text = `# shipped\nanonymous: true\n${shipped}\n# privateKey: FILE\n`;
    await Deno.writeTextFile(`${server}/dnc.yaml`, text);
    await wizard(folder, "server", server);
    const written = await Deno.readTextFile(`${server}/dnc.yaml`);
    assert.match(written, /^# shipped\nanonymous: true\ncertificate: \S+\nprivateKey: \S+\n/);
    await Deno.remove(`${server}/id`, { recursive: true });
  }
});

inFolder("a password in upstream's configuration moves to a file of its own", async (folder) => {
  const server = `${folder}/server`;
  await Deno.mkdir(server);
  const text = '# upstream\'s\nturn_host: "h" # the relay\nturn_user: sfl\nturn_pass: sfl-pass\n' +
    'anonymous: false\nauthorized_services:\n- {ip: "127.0.0.1", port: 22, allow: []} # me\n';
  // Some keep it elsewhere and link to it.
  await Deno.writeTextFile(`${folder}/elsewhere.yaml`, text, { mode: 0o640 });
  await Deno.symlink("../elsewhere.yaml", `${server}/dnc.yaml`);
  await wizard(folder, "server", server, "yes", "name", "", "", "", "", "", "new-pass");
  assert.equal(await Deno.readLink(`${server}/dnc.yaml`), "../elsewhere.yaml");
  const written = await Deno.readTextFile(`${server}/dnc.yaml`);
  assert.doesNotMatch(written, /sfl-pass|turn_pass:/);
  assert.match(written, /^# upstream's\nturn_host: "h" # the relay\nturn_user: sfl\n/);
  // More than HOST:PORT is not for the wizard to change.
  assert.match(written, /\n- \{ip: "127\.0\.0\.1", port: 22, allow: \[\]\} # me\n/);
  assert.equal(await modeOf(`${server}/dnc.yaml`), "0640");
  const { turn_pass_file, anonymous } = await settings(`${server}/dnc.yaml`);
  assert.equal(anonymous, false);
  assert.equal(await Deno.readTextFile(String(turn_pass_file)), "new-pass\n");
});
