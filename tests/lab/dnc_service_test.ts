import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  createAuthority,
  createDevice,
  createRevocationList,
  type Identity,
  verifyChain,
  writeCertificateFile,
  writeKeyFile,
  writeRevocationListFile,
} from "../../lib/identity/mod.ts";
import { run } from "./command.ts";
import { DncProcess } from "./dnc_process.ts";
import { type Lab, labTest } from "./lab.ts";

/** A refusal has to arrive within, ms, start of the process included. */
const REFUSAL_MS = 2_000;

/** A certificate that was good for a day then. */
const LAST_MONTH = { days: 1, now: new Date(Date.now() - 30 * 24 * 60 * 60 * 1000) };
/** Longer than a delay that may be no sleep, ms. */
const ASLEEP_MS = 17_000;
/** A listener that lost the DHT has to be found again within, ms. */
const FOUND_AGAIN_MS = 120_000;
/** Port of the server that the service leads to. */
const ECHO_PORT = 7;

/** A service `dnc -l -d`, its CA, and the server that it leads to, which echoes. */
class Site {
  readonly #lab: Lab;
  readonly #authority: Identity;
  #lists = 0;

  private constructor(lab: Lab, authority: Identity) {
    this.#lab = lab;
    this.#authority = authority;
  }

  static async create(lab: Lab): Promise<Site> {
    const site = new Site(lab, await createAuthority("site"));
    await writeCertificateFile(`${lab.directory}/ca.crt`, site.#authority.chain);
    await site.keep("server", await site.device("server"));
    const listen = `TCP-LISTEN:${ECHO_PORT},bind=127.0.0.1,fork,reuseaddr`;
    const echo = lab.background("socat", "-d", "-d", listen, "EXEC:cat");
    await echo.shows(/listening on/);
    return site;
  }

  /** A device that the site's CA signs. */
  async device(name: string, validity: { days?: number; now?: Date } = {}): Promise<Identity> {
    return await createDevice(name, this.#authority, validity);
  }

  /** Writes an identity to files; the options that name them. */
  async keep(name: string, { chain, secretKey }: Identity): Promise<string[]> {
    const path = `${this.#lab.directory}/${name}`;
    await writeCertificateFile(`${path}.crt`, chain);
    await writeKeyFile(`${path}.pem`, secretKey);
    return ["-c", `${path}.crt`, "-p", `${path}.pem`];
  }

  /** Writes the configuration file, with the echo service unless the lines name others. */
  async configure(...lines: string[]): Promise<void> {
    const services = ["authorized_services:", "  - ip: 127.0.0.1", `    port: ${ECHO_PORT}`];
    const isNamed = lines.some((line) => line.startsWith("authorized_services"));
    await Deno.writeTextFile(
      `${this.#lab.directory}/dnc.yaml`,
      [
        ...["certificate: server.crt", "privateKey: server.pem"],
        ...(isNamed ? [] : services),
        ...lines,
      ].join("\n"),
    );
  }

  /** Writes the CA's list of revoked certificates. */
  async revoke(...devices: Identity[]): Promise<void> {
    const revocations = devices.map(({ chain }) => ({
      serialNumber: verifyChain(chain, new Date()).serialNumbers[0]!,
      revokedAt: new Date(),
    }));
    const list = createRevocationList(this.#authority, revocations, { number: this.#lists++ });
    await writeRevocationListFile(`${this.#lab.directory}/site.crl`, list);
  }

  /** Starts the service. */
  async serve(...args: string[]): Promise<{ server: DncProcess; id: string }> {
    const server = await this.#lab.dnc(["-l", "-d", `${this.#lab.directory}/dnc.yaml`, ...args]);
    return { server, id: await server.listening() };
  }

  /** Opens a connection to the echo service, and leaves it open. */
  async open(id: string, identity: readonly string[]): Promise<DncProcess> {
    return await this.#lab.dnc([id, "-P", String(ECHO_PORT), ...identity]);
  }

  /** Says hello over a connection of its own; how that ended. */
  async call(id: string, identity: readonly string[]): Promise<Call> {
    const begin = performance.now();
    const client = await this.open(id, identity);
    const output = await client.finish("hello").catch(() => "");
    const { code } = await client.exit();
    return { code, output, log: client.log, elapsedMs: performance.now() - begin };
  }
}

interface Call {
  readonly code: number;
  readonly output: string;
  readonly log: string;
  readonly elapsedMs: number;
}

/** Says words over a connection and waits for each to come back. */
function conversation(client: DncProcess): (word: string) => Promise<void> {
  const reader = client.stdout.getReader();
  return async (word) => {
    await client.write(word);
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), word, client.log);
  };
}

labTest("anonymous: false lets in whom the CA signed, and says why to others", async (lab) => {
  const site = await Site.create(lab);
  const stranger = await createAuthority("somebody else");
  const [right, banned, revoked] = await Promise.all(
    ["right", "banned", "revoked"].map((name) => site.device(name)),
  );
  await site.revoke(revoked!);
  await site.configure(
    ...["anonymous: false", "authorities: ca.crt", "crl: site.crl", `ban: ${banned!.id}`],
  );
  const { server, id } = await site.serve();
  const callers: [name: string, identity: string[], reason: RegExp][] = [
    // What `dnc` makes at its first start.
    ["unsigned", [], /is not signed by an authority that is trusted here/],
    [
      "wrong CA",
      await site.keep("wrong", await createDevice("wrong", stranger)),
      /is not signed by an authority that is trusted here/,
    ],
    ["revoked", await site.keep("revoked", revoked!), /was revoked on 20/],
    ["banned", await site.keep("banned", banned!), /this device is banned here/],
  ];
  for (const [name, identity, reason] of callers) {
    const { code, output, log, elapsedMs } = await site.call(id, identity);
    console.log(`${name}: refused after ${elapsedMs.toFixed(0)} ms`);
    assert.deepEqual([code, output], [3, ""], log);
    assert.match(log, reason);
    assert.match(server.log, reason);
    assert.ok(elapsedMs < REFUSAL_MS);
  }
  assert.equal(server.log.match(/refused [0-9a-f]{64}/g)?.length, callers.length, server.log);

  const { code, output, log } = await site.call(id, await site.keep("right", right!));
  assert.deepEqual([code, output], [0, "hello"], log);
});

labTest("an expired certificate is refused by its owner's dnc, and by a listener", async (lab) => {
  const site = await Site.create(lab);
  await site.configure("anonymous: true");
  const { server, id } = await site.serve();
  const expired = await site.keep("expired", await site.device("expired", LAST_MONTH));
  const { code, log, elapsedMs } = await site.call(id, expired);
  assert.equal(code, 2, log);
  assert.match(log, /expired on 20/);
  assert.ok(elapsedMs < REFUSAL_MS);

  const caller = fileURLToPath(new URL("careless_caller.ts", import.meta.url));
  const deno = [Deno.execPath(), "run", "-A", "--unstable-net", caller];
  const [, certificate, , key] = expired as [string, string, string, string];
  const call = lab.background(...deno, id, certificate, key);
  await call.status;
  assert.match(call.stdout, /^refused: .*expired/, call.stdout + call.stderr + server.log);
});

labTest(
  "revoking while the server runs: no restart; live sessions end where asked",
  async (lab) => {
    const site = await Site.create(lab);
    const [one, two] = await Promise.all([site.device("one"), site.device("two")]);
    const [asOne, asTwo] = [await site.keep("one", one), await site.keep("two", two)];
    await site.revoke();
    const rules = ["anonymous: false", "authorities: [ca.crt]", "crl: [site.crl]"];
    await site.configure(...rules);
    const { server, id } = await site.serve();
    const [liveOne, liveTwo] = await Promise.all([site.open(id, asOne), site.open(id, asTwo)]);
    const [talkOne, talkTwo] = [conversation(liveOne), conversation(liveTwo)];
    await Promise.all([talkOne("a"), talkTwo("a")]);

    await site.revoke(one);
    await server.shows(/rules read again/, 5_000);
    const refused = await site.call(id, asOne);
    assert.equal(refused.code, 3, refused.log);
    assert.match(refused.log, /was revoked on/);
    // Sessions go on unless it is asked for otherwise.
    await Promise.all([talkOne("b"), talkTwo("b")]);

    await site.configure(...rules, "end_revoked_sessions: true");
    server.kill("SIGHUP");
    const ended = await liveOne.exit(5_000);
    assert.equal(ended.code, 3, liveOne.log);
    assert.match(liveOne.log, /was revoked on/);
    await server.shows(/1 sessions ended/);
    await talkTwo("c");

    // A list that is damaged is no reason to let anybody in.
    await Deno.writeTextFile(`${lab.directory}/site.crl`, "damaged");
    await server.shows(/the former rules stay: .*site\.crl/, 5_000);
    assert.equal((await site.call(id, asOne)).code, 3);
    await talkTwo("d");
  },
);

labTest("SIGHUP reads the configuration again; a mistake changes nothing", async (lab) => {
  const site = await Site.create(lab);
  const device = await site.device("one");
  const identity = await site.keep("one", device);
  await site.configure();
  const { server, id } = await site.serve("--log-format", "json");
  const live = await site.open(id, identity);
  const talk = conversation(live);
  await talk("a");

  const reload = async (sign: RegExp, ...lines: string[]) => {
    await site.configure(...lines);
    server.kill("SIGHUP");
    await server.shows(sign, 5_000);
  };
  await reload(/dnc\.yaml:6:1: there is no setting anonymos/, "anonymos: false");
  await reload(/dnc\.yaml:6:12: anonymous: expects true or false/, "anonymous: maybe");
  await reload(/no such file: .*none\.crl/, "crl: none.crl");
  assert.equal((await site.call(id, identity)).code, 0, server.log);

  await reload(/read again: 0 services/, "authorized_services: []");
  const declined = await site.call(id, identity);
  assert.equal(declined.code, 3);
  assert.match(declined.log, /127\.0\.0\.1:7 is not a target that this peer allows/);
  await reload(/read again: 1 services/, "# the echo service again");
  assert.equal((await site.call(id, identity)).code, 0, server.log);
  await talk("b");

  await reload(/a change of --stun counts from the next start/, "stun: 127.0.0.1");
  await reload(/1 sessions ended/, `ban: ${device.id}`, "end_revoked_sessions: true");
  assert.equal((await live.exit(5_000)).code, 3, live.log);
  for (const line of server.log.trimEnd().split("\n")) {
    const { time, level, message } = JSON.parse(line);
    assert.ok(time && level && message, line);
  }
});

labTest("SIGTERM lets go on what is connected, for a while", async (lab) => {
  const site = await Site.create(lab);
  const identity = await site.keep("one", await site.device("one"));
  await site.configure("drain_timeout: 20s");
  const first = await site.serve();
  const live = await site.open(first.id, identity);
  const talk = conversation(live);
  await talk("a");
  first.server.kill("SIGTERM");
  const late = await site.call(first.id, identity);
  assert.equal(late.code, 3, late.log);
  assert.match(late.log, /shutting down/);
  await talk("b");
  await live.stdin.close();
  assert.equal((await live.exit()).code, 0, live.log);
  const end = await first.server.exit(10_000);
  assert.equal(end.code, 143, first.server.log);

  await site.configure("drain_timeout: 1s");
  const second = await site.serve();
  const stuck = await site.open(second.id, identity);
  await conversation(stuck)("a");
  second.server.kill("SIGTERM");
  const cut = await second.server.exit(10_000);
  assert.equal(cut.code, 143);
  assert.ok(cut.afterMs >= 900, `${cut.afterMs}`);
  assert.notEqual((await stuck.exit()).code, 0);
});

labTest("services for some: by id, and by CA", async (lab) => {
  const site = await Site.create(lab);
  const [one, two] = await Promise.all([site.device("one"), site.device("two")]);
  const [asOne, asTwo] = [await site.keep("one", one), await site.keep("two", two)];
  const stranger = await createDevice("s", await createAuthority("elsewhere"));
  const asStranger = await site.keep("stranger", stranger);
  await site.configure(
    ...["anonymous: true", "authorized_services:", "  - ip: 127.0.0.1", `    port: ${ECHO_PORT}`],
    `    allow: [${one.id}]`,
  );
  const { server, id } = await site.serve();
  assert.equal((await site.call(id, asOne)).output, "hello");
  for (const other of [asTwo, asStranger]) {
    const refused = await site.call(id, other);
    assert.equal(refused.code, 3);
    assert.match(refused.log, /not a target that this peer allows to this device/);
  }
  await site.configure(
    ...["anonymous: true", "authorized_services:", "  - ip: 127.0.0.1", `    port: ${ECHO_PORT}`],
    "    authorities: [ca.crt]",
  );
  server.kill("SIGHUP");
  await server.shows(/configuration read again/);
  assert.equal((await site.call(id, asTwo)).output, "hello");
  assert.equal((await site.call(id, asStranger)).code, 3);
});

labTest("a listener is found again after all nodes of the DHT were gone", async (lab) => {
  const site = await Site.create(lab);
  await site.configure();
  const identity = await site.keep("one", await site.device("one"));
  const join = ["--no-discovery", "-b", "127.0.0.1:4001"];
  const node = await lab.dhtnode(4001);
  const { server, id } = await site.serve(...join);
  assert.equal((await site.call(id, [...identity, ...join])).code, 0);
  await node[Symbol.asyncDispose]();
  // Long enough for the listener to find its node gone.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  await lab.dhtnode(4001);
  const begin = performance.now();
  let last: Call;
  do last = await site.call(id, [...identity, ...join, "--timeout", "10s"]); while (
    last.code !== 0 && performance.now() - begin < FOUND_AGAIN_MS
  );
  console.log(`found again after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  assert.equal(last.code, 0, last.log + server.log);
}, 180_000);

labTest("a listener is found again after its machine slept", async (lab) => {
  const site = await Site.create(lab);
  await site.configure();
  const identity = await site.keep("one", await site.device("one"));
  const join = ["--no-discovery", "-b", "127.0.0.1:4001"];
  const node = await lab.dhtnode(4001);
  const { server, id } = await site.serve(...join, "-v");
  server.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, ASLEEP_MS));
  // What the DHT knew of the listener is gone, too.
  await node[Symbol.asyncDispose]();
  await lab.dhtnode(4001);
  server.kill("SIGCONT");
  await server.shows(/the network has changed/, 5_000);
  const { code, log } = await site.call(id, [...identity, ...join]);
  assert.equal(code, 0, log + server.log);
}, 60_000);

labTest("a listener is found again at its new address", async (lab) => {
  const ip = (...args: string[]) => run(...lab.namespace.inside("ip", ...args));
  await ip("link", "add", "here", "type", "veth", "peer", "name", "there");
  for (const [name, address] of Object.entries({ here: "10.77.0.1/24", there: "10.78.0.1/24" })) {
    await ip("address", "add", address, "dev", name);
    await ip("link", "set", name, "up");
  }
  await lab.dhtnode(4001);
  const dnc = async (...args: string[]) =>
    new DncProcess({
      // Not on loopback: its address does not change.
      command: lab.dncCommand(...args, "--no-discovery", "-b", "10.78.0.1:4001").slice(0, -2),
      env: await lab.dncEnvironment(),
    });
  await using server = await dnc("-l", "-v", "--interface", "here");
  const id = await server.listening();
  await ip("address", "del", "10.77.0.1/24", "dev", "here");
  await ip("address", "add", "10.77.0.2/24", "dev", "here");
  await server.shows(/the network has changed: 10\.77\.0\.2/);
  await using client = await dnc(id, "--interface", "there");
  const begin = performance.now();
  const output = server.finish();
  await client.finish("hello");
  assert.equal((await client.exit()).code, 0, client.log + server.log);
  assert.equal(await output, "hello");
  console.log(`called ${((performance.now() - begin) / 1000).toFixed(1)} s after the change`);
}, 60_000);

labTest("the service manager learns when it is ready, reloads and stops", async (lab) => {
  const site = await Site.create(lab);
  await site.configure();
  const path = `${lab.directory}/notify`;
  const manager = Deno.listenDatagram({ transport: "unixpacket", path });
  const told = async () => new TextDecoder().decode((await manager.receive())[0]);
  try {
    const env = { ...await lab.dncEnvironment(), NOTIFY_SOCKET: path };
    const server = await lab.dnc(["-l", "-d", `${lab.directory}/dnc.yaml`], { env });
    const id = await server.listening();
    assert.equal(await told(), `READY=1\nSTATUS=listening, id ${id}`);
    server.kill("SIGHUP");
    assert.match(await told(), /^RELOADING=1/);
    assert.match(await told(), /^READY=1/);
    server.kill("SIGTERM");
    assert.equal(await told(), "STOPPING=1");
    await server.exit();
  } finally {
    manager.close();
  }
});
