import { fileURLToPath } from "node:url";
import { Background, eventually, run } from "./command.ts";
import { NetworkNamespace } from "./namespace.ts";

/** The server's addresses, those of a second one, and the peers', all on the loopback. */
export const SERVER = { ip4: "10.77.0.1", ip6: "fd77::1" };
export const SECOND = { ip4: "10.77.0.2", ip6: "fd77::2" };
export const PEERS = { ip4: "10.77.0.9", ip6: "fd77::9" };
/** A name that `/etc/hosts` of the namespace gives both of the server's addresses. */
export const SERVER_NAME = "turn.lab.example";
export const ACCOUNT = { username: "alice", password: "correct horse" };
export const REALM = "lab.example";

/**
 * A namespace for one test, with as many of Debian's TURN servers as it wants. They are started by
 * hand with everything on the command line; the service is never touched.
 */
export class TurnLab implements AsyncDisposable {
  readonly #servers: Coturn[] = [];

  private constructor(readonly namespace: NetworkNamespace, readonly directory: string) {}

  /** Makes the namespace, the addresses, the name and a certificate for it. */
  static async create(): Promise<TurnLab> {
    const namespace = await NetworkNamespace.create("turn");
    const directory = await Deno.makeTempDir({ prefix: "dhtnet-turn-" });
    const lab = new TurnLab(namespace, directory);
    try {
      for (const { ip4, ip6 } of [SERVER, SECOND, PEERS]) {
        await run("ip", "-n", namespace.name, "addr", "add", `${ip4}/32`, "dev", "lo");
        await run("ip", "-n", namespace.name, "addr", "add", `${ip6}/128`, "dev", "lo", "nodad");
      }
      await Deno.mkdir(lab.#etc, { recursive: true }); // `ip netns exec` shows it as /etc
      const hosts = [SERVER.ip4, SERVER.ip6].map((ip) => `${ip} ${SERVER_NAME}\n`).join("");
      await Deno.writeTextFile(`${lab.#etc}/hosts`, `127.0.0.1 localhost\n${hosts}`);
      await run(
        ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ...["-nodes", "-days", "2", "-subj", `/CN=${SERVER_NAME}`],
        ...["-addext", `subjectAltName=DNS:${SERVER_NAME},IP:${SERVER.ip4}`],
        ...["-addext", "basicConstraints=critical,CA:FALSE"], // rustls wants no CA for a server
        ...["-keyout", `${directory}/key.pem`, "-out", lab.certificateFile],
      );
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** The servers' certificate, self-signed, PEM. */
  get certificateFile(): string {
    return `${this.directory}/certificate.pem`;
  }

  /** Starts a server. @param options of `turnserver`, besides the common ones */
  async coturn(options: readonly string[] = [], at = SERVER): Promise<Coturn> {
    const server = new Coturn(this, options, at);
    this.#servers.push(server);
    await server.start();
    return server;
  }

  /**
   * Runs one of turn_scenarios.ts inside; throws with what it says when it fails.
   *
   * @param onAllocated is called when it prints "allocated"
   */
  async scenario(name: string, onAllocated?: () => Promise<void>): Promise<void> {
    const script = fileURLToPath(new URL("turn_scenarios.ts", import.meta.url));
    const deno = [Deno.execPath(), "run", "-A", "--unstable-net", "--cached-only"];
    const process = new Background(
      this.namespace.inside(...deno, script, name, this.certificateFile),
      { env: { NO_COLOR: "1" } },
    );
    const timer = setTimeout(() => process.kill("SIGKILL"), 60_000);
    if (onAllocated !== undefined) {
      await process.shows(/allocated/).then(onAllocated).catch(() => process.kill("SIGKILL"));
    }
    const { success } = await process.status;
    clearTimeout(timer);
    await process[Symbol.asyncDispose]();
    if (!success) {
      const log = this.#servers.map((server) => server.log).join("");
      throw new Error(`scenario ${name}:\n${process.stdout}${process.stderr}--- coturn:\n${log}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    await this.namespace[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
    await Deno.remove(this.#etc, { recursive: true }).catch(() => {});
  }

  get #etc(): string {
    return `/etc/netns/${this.namespace.name}`;
  }
}

/** One `turnserver` process. */
export class Coturn {
  readonly #lab: TurnLab;
  readonly #options: readonly string[];
  readonly #at: typeof SERVER;
  #process: Background | undefined;
  #earlier = "";

  constructor(lab: TurnLab, options: readonly string[], at: typeof SERVER) {
    this.#lab = lab;
    this.#options = options;
    this.#at = at;
  }

  /** All that it has logged. */
  get log(): string {
    return this.#earlier + (this.#process?.stdout ?? "");
  }

  async start(): Promise<void> {
    const { directory, namespace, certificateFile } = this.#lab;
    const { ip4, ip6 } = this.#at;
    this.#process = new Background(namespace.inside(
      ...["turnserver", "-n", "--no-cli", "--log-file=stdout", "--verbose", "--no-dtls"],
      ...[`--listening-ip=${ip4}`, `--listening-ip=${ip6}`],
      ...["--lt-cred-mech", `--user=${ACCOUNT.username}:${ACCOUNT.password}`, `--realm=${REALM}`],
      ...[`--cert=${certificateFile}`, `--pkey=${directory}/key.pem`],
      ...[`--userdb=${directory}/${ip4}.db`, `--pidfile=${directory}/${ip4}.pid`],
      // without these coturn relays from whatever addresses it finds
      ...(this.#options.some((option) => option.startsWith("--relay-ip"))
        ? []
        : [`--relay-ip=${ip4}`, `--relay-ip=${ip6}`]),
      ...this.#options,
    ));
    const listens = async () => {
      const sockets = await namespace.sockets();
      const listening = (protocol: string, address: string) =>
        sockets.some((line) => line.startsWith(protocol) && line.includes(`${address} `));
      const udp = this.#options.includes("--no-udp") ||
        [`${ip4}:3478`, `[${ip6}]:3478`].every((address) => listening("udp", address));
      return udp && [`${ip4}:3478`, `[${ip6}]:3478`, `${ip4}:5349`, `[${ip6}]:5349`]
        .every((address) => listening("tcp", address));
    };
    await eventually("coturn listens", listens, 10_000).catch((error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }

  /** Ends it at once; nobody is told. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.[Symbol.asyncDispose]();
    this.#earlier += process?.stdout ?? "";
  }
}

/** A test with a lab of its own. */
export function turnTest(name: string, test: (lab: TurnLab) => Promise<void>): void {
  Deno.test(`lab: TURN: ${name}`, async () => {
    await using lab = await TurnLab.create();
    await test(lab);
  });
}
