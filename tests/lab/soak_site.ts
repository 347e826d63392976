import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Background, eventually, run } from "./command.ts";
import { DncProcess } from "./dnc_process.ts";
import { dncNetwork } from "./nat/call.ts";
import type { NatLab } from "./nat/lab.ts";
import type { Site } from "./nat/site.ts";
import { TABLE } from "./nat/router_rules.ts";
import { MINIUPNPD_CHAINS } from "./miniupnpd.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Debian's package libfaketime. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;
/** Port of the server to which the services lead; it echoes. */
const ECHO_PORT = 7;
const FORWARDED_PORT = 8_007;
/** A second DHT node, which can be killed, beside the lab's own. */
const SECOND_NODE_PORT = 4_300;
/** What is interrupted has to go on within, ms, on a machine that is busy. */
const RECOVERY_MS = 60_000;

/** Says a word over a connection that stays open, and waits until it comes back. */
export type Conversation = (word: string) => Promise<void>;

/**
 * The processes of a soak: at one site a listener that stays (and one that does not), at another one
 * who forwards a port to it, and one whose way leads over the relay; all of them stay connected.
 */
export class SoakSite {
  readonly #lab: NatLab;
  readonly #server: Site;
  readonly #client: Site;
  readonly #belongings: AsyncDisposableStack;
  #node: Background | undefined;
  #callerEnvironment: Record<string, string> = {};
  #fragileEnvironment: Record<string, string> = {};
  /** What all this is about. */
  listener!: DncProcess;
  listenerId = "";
  fragile!: DncProcess;
  fragileId = "";
  forwarder!: DncProcess;
  #relayed!: DncProcess;
  #talkRelayed!: Conversation;
  #talkForwarded!: Conversation;

  private constructor(lab: NatLab, belongings: AsyncDisposableStack) {
    this.#lab = lab;
    this.#server = lab.site("server");
    this.#client = lab.site("client");
    this.#belongings = belongings;
  }

  /** Starts everything. */
  static async start(lab: NatLab, belongings: AsyncDisposableStack): Promise<SoakSite> {
    const site = new SoakSite(lab, belongings);
    const echo = `TCP-LISTEN:${ECHO_PORT},bind=127.0.0.1,fork,reuseaddr,backlog=128`;
    await site.#loopback(site.#server);
    await site.#loopback(site.#client);
    site.#server.background("socat", "-t", "20", echo, "EXEC:cat");
    await site.restartNode();
    await Deno.writeTextFile(site.clockFile, "+0");
    site.#callerEnvironment = await site.#client.environment();
    site.#fragileEnvironment = await site.#server.environment();
    site.listener = await site.#startListener();
    site.listenerId = await site.listener.listening();
    await site.restartFragile();
    const forward = ["-L", `${FORWARDED_PORT}:127.0.0.1:${ECHO_PORT}`];
    site.forwarder = await site.dnc(site.#client, [site.listenerId, ...forward, "--no-upnp"]);
    await eventually(
      "the port is forwarded",
      async () => await site.#forwardedEcho() === "hello",
      RECOVERY_MS,
    );
    site.#relayed = await site.dnc(site.#client, [
      ...[site.listenerId, "-P", String(ECHO_PORT), "--relay-only"],
    ]);
    site.#talkRelayed = conversation(site.#relayed);
    site.#talkForwarded = site.#forwardedConversation();
    return site;
  }

  /** The file from which the listener's clock takes how far it is off. */
  get clockFile(): string {
    return `${this.#server.directory}/clock`;
  }

  get lab(): NatLab {
    return this.#lab;
  }

  get server(): Site {
    return this.#server;
  }

  get client(): Site {
    return this.#client;
  }

  /** The directory of the listener that stays: a small disk of its own. */
  get disk(): string {
    return `/proc/${this.listener.pid}/root${this.#diskPath}`;
  }

  /** Starts a `dnc` that knows the lab's servers. */
  async dnc(
    site: Site,
    args: readonly string[],
    environment?: Record<string, string>,
  ): Promise<DncProcess> {
    const { args: network, env } = dncNetwork(this.#lab, site);
    const nodes = ["-b", `203.0.113.10:${SECOND_NODE_PORT}`];
    return await site.dnc([...args, ...network, ...nodes], {
      ...environment ?? await site.environment(),
      ...env,
    });
  }

  /**
   * Starts a `dnc` whose configuration directory is a disk of 1 MiB, which goes with it.
   *
   * @param before a line of shell that is run on that disk first
   */
  async onDisk(
    site: Site,
    path: string,
    args: readonly string[],
    { before = ":", environment = {} }: {
      readonly before?: string;
      readonly environment?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<DncProcess> {
    await Deno.mkdir(path, { recursive: true });
    const { args: network, env } = dncNetwork(this.#lab, site);
    const nodes = ["-b", `203.0.113.10:${SECOND_NODE_PORT}`];
    const mount =
      `mount -t tmpfs -o size=1m,mode=700 none ${path} && cd ${path}; ${before}; exec "$@"`;
    // `ip netns exec NAME`, which makes a mount namespace, stays in front.
    const [ip, netns, exec, name, ...rest] = site.dncCommand(...args, ...network, ...nodes);
    return new DncProcess({
      command: [ip!, netns!, exec!, name!, "sh", "-c", mount, "sh", ...rest],
      env: { ...await site.environment(), ...env, ...environment, DHTNET_CONFIG_DIR: path },
    });
  }

  /** Opens a connection to a listener's echo service, and leaves it open. */
  async open(id: string = this.listenerId, ...args: string[]): Promise<DncProcess> {
    return await this.dnc(
      this.#client,
      [id, "-P", String(ECHO_PORT), "--no-upnp", ...args],
      this.#callerEnvironment,
    );
  }

  /** A new dialler connects, and gets its words back; on a busy machine perhaps not at once. */
  async call(id: string = this.listenerId, attempts = 3): Promise<void> {
    const caller = await this.open(id, "--timeout", "40s");
    const output = await caller.finish("hello").catch(() => "");
    const { code } = await caller.exit(RECOVERY_MS);
    if (code !== 0 && attempts > 1) return await this.call(id, attempts - 1);
    assert.deepEqual({ code, output }, { code: 0, output: "hello" }, caller.log);
  }

  /** Many diallers, in one process: `count` sessions, each with some channels. */
  async callOften(count: number): Promise<void> {
    const script = `${ROOT}tests/lab/soak_dialler.ts`;
    const directory = this.#callerEnvironment.DHTNET_CONFIG_DIR!;
    const deno = [Deno.execPath(), "run", "-A", "--unstable-net", "--cached-only", script];
    const args = [this.listenerId, this.#lab.bootstrap, String(count), directory];
    const diallers = this.#client.background(...deno, ...args);
    const [, done] = await diallers.shows(/^(\d+) done/m, RECOVERY_MS * 4);
    await diallers.status;
    assert.ok(Number(done) >= count, diallers.stdout + diallers.stderr + this.log);
  }

  /** Connections through the forwarded port, one after the other. */
  async forwardOften(count: number): Promise<void> {
    for (let n = 0; n < count; n++) assert.equal(await this.#forwardedEcho(), "hello", this.log);
  }

  /** Those who stayed connected all the time still are, and have lost nothing. */
  async talk(word: string): Promise<void> {
    await Promise.all([
      inTime(`the forwarded connection says ${word}`, this.#talkForwarded(word)),
      inTime(`the relayed connection says ${word}`, this.#talkRelayed(word)),
    ]).catch((error) => {
      throw new Error(error.message + this.log);
    });
  }

  /** Kills the other listener as nothing else does, and starts it anew. */
  async restartFragile(): Promise<void> {
    await this.fragile?.[Symbol.asyncDispose]();
    // A router keeps the mappings of who was killed until their lease ends.
    const args = ["-l", "--allow", `127.0.0.1:${ECHO_PORT}`, "--no-upnp"];
    this.fragile = await this.dnc(this.#server, args, this.#fragileEnvironment);
    const id = await this.fragile.listening();
    assert.ok(this.fragileId === "" || this.fragileId === id, "it is who it was");
    this.fragileId = id;
  }

  /** What the killed ones leave in their place. */
  get fragileDirectory(): string {
    return this.#fragileEnvironment.DHTNET_CONFIG_DIR!;
  }

  /** Kills the second DHT node, and starts another one at its address. */
  async restartNode(): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
    this.#node = new Background(
      this.#lab.namespace("dht").inside(
        ...["dhtnode", "-p", String(SECOND_NODE_PORT), "-b", this.#lab.bootstrap],
      ),
    );
    await this.#node.shows(/OpenDHT node \w+ running/);
  }

  /** Ends what {@linkcode restartNode} started. */
  async stopNode(): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
  }

  /** Ports that the server's router has mapped, all of them for the listener. */
  async mappings(): Promise<number> {
    const router = this.#server.router.namespace;
    const chain = ["nft", "list", "chain", "inet", TABLE, MINIUPNPD_CHAINS.prerouting];
    return (await run(...router.inside(...chain))).match(/\bdnat\b/g)?.length ?? 0;
  }

  get #diskPath(): string {
    return `${this.#server.directory}/listener`;
  }

  async #loopback(site: Site): Promise<void> {
    await run(...site.inside("ip", "link", "set", "lo", "up"));
  }

  /** On a small disk of its own, and with a clock that can be set. */
  async #startListener(): Promise<DncProcess> {
    const services = ["-l", "--allow", `127.0.0.1:${ECHO_PORT}`];
    const process = await this.onDisk(this.#server, this.#diskPath, services, {
      environment: {
        LD_PRELOAD: FAKETIME,
        FAKETIME_TIMESTAMP_FILE: this.clockFile,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
    this.#belongings.use(process);
    return process;
  }

  /** What the last of those said that stay connected. */
  get log(): string {
    const processes = {
      listener: this.listener,
      forwarder: this.forwarder,
      relayed: this.#relayed,
    };
    return Object.entries(processes)
      .map(([name, { log }]) => `\n--- ${name}:\n${log.slice(-6_000)}`).join("");
  }

  /** One connection through the forwarded port: what comes back of "hello", or why nothing does. */
  async #forwardedEcho(): Promise<string> {
    const socat = ["socat", "-t", "20", "-T", "20", "-", `TCP:127.0.0.1:${FORWARDED_PORT}`];
    const script = `printf hello | ${socat.join(" ")}`;
    return await run(...this.#client.inside("sh", "-c", script)).catch((error) => String(error));
  }

  #forwardedConversation(): Conversation {
    const socat = this.#client.background("socat", "-", `TCP:127.0.0.1:${FORWARDED_PORT}`);
    return async (word) => {
      const before = socat.stdout.length;
      await socat.type(word);
      await eventually(
        `${word} comes back`,
        () => socat.stdout.length >= before + word.length + 1,
        RECOVERY_MS,
      );
      assert.equal(socat.stdout.slice(before), `${word}\n`);
    };
  }
}

/** Says words over a connection and waits for each to come back, whole. */
export function conversation(client: DncProcess): Conversation {
  const reader = client.stdout.getReader();
  return async (word) => {
    await client.write(word);
    let answer = "";
    while (answer.length < word.length) {
      const { value, done } = await reader.read();
      assert.ok(!done, client.log);
      answer += new TextDecoder().decode(value);
    }
    assert.equal(answer, word, client.log);
  };
}

/** The same, with a bound. */
async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${what}: not within ${RECOVERY_MS / 1000} s`)),
    RECOVERY_MS,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
