/**
 * The documented set-up, step by step, as somebody does it who has just installed the tools: two
 * machines behind NATs, each with an empty home directory and an empty `/etc/dhtnet`.
 */
import assert from "node:assert/strict";
import { FreshMachine } from "./fresh_machine.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { readmeLine } from "./readme_commands.ts";
import { startSshd } from "./sshd.ts";

const PLAN = {
  sites: [{ name: "server", nat: "moderate" }, { name: "client", nat: "moderate" }],
  wan: { turn: true },
} as const;
const TIMEOUT_MS = 90_000;

/** Answers to the wizard's questions on the network: those of the lab. */
function networkAnswers(lab: NatLab): string[] {
  const { host, port, user, password } = lab.turn;
  return [lab.bootstrap, `${host}:${port}`, user, password];
}

/** Answers as a pipe gives them, one a line. */
function lines(...answers: readonly string[]): string {
  return answers.map((answer) => `${answer}\n`).join("");
}

async function interactive(): Promise<string[]> {
  return (await readmeLine("crtmgr --interactive")).split(" ");
}

/** Sets the server up and starts its sshd and its `dnc`. */
async function startServer(lab: NatLab, who: "anyone" | "signed") {
  const server = await FreshMachine.create(lab.site("server"));
  await startSshd(server, 22);
  const answers = ["server", "", "", who, "", ...networkAnswers(lab)];
  const wizard = await server.run(await interactive(), lines(...answers));
  assert.deepEqual([wizard.code, wizard.stdout], [0, ""], wizard.stderr);
  const id = /This server's id: ([0-9a-f]{64})\n/.exec(wizard.stderr)![1]!;
  const listen = await readmeLine("dnc -l -d /etc/dhtnet/dnc.yaml");
  const dnc = server.background(...listen.split(" "));
  await dnc.shows(new RegExp(`listening, id ${id}`));
  return { server, id, dnc };
}

/** Sets the client up, and gives it a key that the server's sshd knows. */
async function startClient(lab: NatLab, server: FreshMachine): Promise<FreshMachine> {
  const client = await FreshMachine.create(lab.site("client"));
  const answers = ["client", "", "", "", "", ...networkAnswers(lab)];
  const wizard = await client.run(await interactive(), lines(...answers));
  assert.deepEqual([wizard.code, wizard.stdout], [0, ""], wizard.stderr);
  await Deno.copyFile(`${server.directory}/ssh/user`, client.home(".ssh/id_ed25519"));
  await Deno.chmod(client.home(".ssh/id_ed25519"), 0o600);
  return client;
}

const ASK_NOTHING = ["-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes"];

natLabTest("from empty machines to ssh, scp, rsync and git through dnc", PLAN, async (lab) => {
  const { server, id } = await startServer(lab, "anyone");
  await using _ = server;
  const client = await startClient(lab, server);

  const typed = (await readmeLine("ssh USER@dnc/3f6c…e1")).replace("USER", "root")
    .replace("3f6c…e1", id).split(" ").slice(1);
  const login = await client.run(["ssh", ...ASK_NOTHING, ...typed, "hostname; echo $HOME"]);
  assert.equal(login.code, 0, login.stderr);
  assert.match(login.stdout, /\n\/root\n$/);
  await Deno.mkdir(client.home(".config/dhtnet"), { recursive: true });
  await Deno.writeTextFile(client.home(".config/dhtnet/peers.yaml"), `home: ${id}\n`);
  await succeed(client, ["ssh", ...ASK_NOTHING, "root@dnc/home", "true"]);
  await succeed(client, ["ssh", ...ASK_NOTHING, "root@Home.dnc", "true"]);

  // To scp, rsync and git a slash before the colon means a local file.
  const host = `root@${id}.dnc`;
  const content = crypto.getRandomValues(new Uint8Array(64 * 1024));
  await Deno.writeFile(client.home("sent"), content);
  await succeed(client, ["scp", ...ASK_NOTHING, "sent", `${host}:copied`]);
  assert.deepEqual(await Deno.readFile(server.home("copied")), content);

  await Deno.mkdir(client.home("tree/below"), { recursive: true });
  await Deno.writeFile(client.home("tree/below/file"), content);
  const ssh = ["ssh", ...ASK_NOTHING].join(" ");
  await succeed(client, ["rsync", "-a", "-e", ssh, "tree", `${host}:`]);
  assert.deepEqual(await Deno.readFile(server.home("tree/below/file")), content);

  await succeed(server, ["git", "init", "-q", "--bare", "project.git"]);
  const git = ["git", "-c", `core.sshCommand=${ssh}`, "-c", "user.name=a", "-c", "user.email=a@b"];
  await succeed(client, [...git, "clone", "-q", `${host}:project.git`]);
  await Deno.writeTextFile(client.home("project/file"), "text\n");
  await succeed(client, [...git, "-C", "project", "add", "file"]);
  await succeed(client, [...git, "-C", "project", "commit", "-q", "-m", "first"]);
  await succeed(client, [...git, "-C", "project", "push", "-q", "origin", "HEAD"]);
  const log = await succeed(server, ["git", "-C", "project.git", "log", "--all", "--format=%s"]);
  assert.equal(log.stdout, "first\n");
}, { timeoutMs: TIMEOUT_MS });

async function succeed(machine: FreshMachine, command: readonly string[]) {
  const result = await machine.run(command);
  assert.equal(result.code, 0, `${command.join(" ")}: ${result.stderr}`);
  return result;
}

natLabTest("a server that lets in what its CA has signed, and nobody else", PLAN, async (lab) => {
  const { server, id, dnc } = await startServer(lab, "signed");
  await using _ = server;
  const client = await startClient(lab, server);
  const login = ["ssh", ...ASK_NOTHING, `root@dnc/${id}`, "true"];

  const stranger = await client.run(login);
  assert.equal(stranger.code, 255);
  assert.match(stranger.stderr, /not signed by an authority that is trusted here/);
  console.log(`a stranger was refused after ${stranger.elapsedMs.toFixed(0)} ms`);

  // The client's certificate goes to the server's administrator and comes back; its key does not.
  await Deno.copyFile(client.home(".dnc/certificate.crt"), server.home("certificate.crt"));
  const authority = await readmeLine(
    'CA="-c /etc/dhtnet/CA/ca-server.crt -p /etc/dhtnet/CA/ca-server.pem"',
  );
  const administer = (line: string) => succeed(server, ["bash", "-ec", `${authority}\n${line}`]);
  await administer(await readmeLine("crtmgr renew certificate.crt $CA"));
  await Deno.copyFile(server.home("certificate.crt"), client.home(".dnc/certificate.crt"));
  await succeed(client, login);

  // Nobody restarts the server.
  await administer(await readmeLine("crtmgr revoke certificate.crt $CA"));
  await dnc.shows(/rules read again/);
  const revoked = await client.run(login);
  assert.equal(revoked.code, 255);
  assert.match(revoked.stderr, /was revoked on/);

  const encrypt = await readmeLine("crtmgr encrypt /etc/dhtnet/CA/ca-server.pem");
  await administer(`export DHTNET_KEY_PASS=a-long-passphrase\n${encrypt}`);
  const key = await Deno.readTextFile(server.etc("CA/ca-server.pem"));
  assert.match(key, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
}, { timeoutMs: TIMEOUT_MS });
