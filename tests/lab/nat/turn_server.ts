import { Background, eventually, run } from "../command.ts";
import type { NetworkNamespace } from "../namespace.ts";

/** Where the server listens. Two IPv4 addresses, for RFC 5780 behaviour discovery. */
export const TURN_ADDRESSES = {
  ipv4: ["203.0.113.5", "203.0.113.6"],
  ipv6: ["2001:db8::5"],
} as const;

/** STUN and TURN over UDP and TCP. */
const PORT = 3478;
/** TURN over TLS; and on port 443 both with and without TLS, for networks that let nothing else out. */
const TLS_PORT = 5349;
const HTTPS_PORT = 443;
const USER = "lab";
const PASSWORD = "correct horse";
const REALM = "lab.example";

/** coturn, with long-term credentials and a throw-away certificate. */
export class TurnServer implements AsyncDisposable {
  readonly #namespace: NetworkNamespace;
  readonly #directory: string;
  readonly #options: readonly string[];
  #process: Background | undefined;
  #earlierLog = "";
  #preambleLength = 0;

  readonly host = TURN_ADDRESSES.ipv4[0];
  readonly host6 = TURN_ADDRESSES.ipv6[0];
  readonly port = PORT;
  readonly tlsPort = TLS_PORT;
  readonly user = USER;
  readonly password = PASSWORD;
  readonly realm = REALM;

  private constructor(namespace: NetworkNamespace, directory: string, options: readonly string[]) {
    this.#namespace = namespace;
    this.#directory = directory;
    this.#options = options;
  }

  /**
   * Makes a certificate and starts the server.
   *
   * @param options further command line options of `turnserver`
   */
  static async start(
    namespace: NetworkNamespace,
    directory: string,
    options: readonly string[] = [],
  ): Promise<TurnServer> {
    const server = new TurnServer(namespace, directory, options);
    const request = [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-nodes", "-days", "2"],
    ];
    const authorityKey = `${directory}/turn-ca.pem`;
    await run(
      ...[...request, "-subj", "/CN=lab CA", "-keyout", authorityKey, "-out", server.caFile],
    );
    await run(
      ...[...request, "-subj", `/CN=${REALM}`, "-CA", server.caFile, "-CAkey", authorityKey],
      ...["-addext", `subjectAltName=DNS:${REALM},IP:${server.host},IP:${server.host6}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${directory}/turn.pem`, "-out", server.#certificateFile],
    );
    await server.start();
    return server;
  }

  /** The certificate of the CA that signed the server's, PEM. */
  get caFile(): string {
    return `${this.#directory}/turn-ca.crt`;
  }

  get #certificateFile(): string {
    return `${this.#directory}/turn.crt`;
  }

  /** All that it has logged since it listened, over all its lives. */
  get log(): string {
    return this.#earlierLog + (this.#process?.stdout.slice(this.#preambleLength) ?? "");
  }

  /** Starts it, when it does not run. */
  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const { ipv4, ipv6 } = TURN_ADDRESSES;
    const listening = [...ipv4, ...ipv6].map((ip) => `--listening-ip=${ip}`);
    this.#process = new Background(this.#namespace.inside(
      ...["turnserver", "-n", "--no-cli", "--log-file=stdout", "--verbose"],
      ...[...listening, `--relay-ip=${ipv4[0]}`, `--relay-ip=${ipv6[0]}`],
      ...[`--listening-port=${PORT}`, `--tls-listening-port=${TLS_PORT}`],
      ...[`--aux-server=${ipv4[0]}:${HTTPS_PORT}`, `--aux-server=[${ipv6[0]}]:${HTTPS_PORT}`],
      ...["--lt-cred-mech", `--user=${USER}:${PASSWORD}`, `--realm=${REALM}`],
      ...[`--cert=${this.#certificateFile}`, `--pkey=${this.#directory}/turn.pem`],
      ...[`--userdb=${this.#directory}/turndb`, `--pidfile=${this.#directory}/turn.pid`],
      ...this.#options,
    ));
    const listens = async () => {
      const sockets = await this.#namespace.sockets();
      return [PORT, TLS_PORT, HTTPS_PORT].every((port) =>
        ["udp", "tcp"].every((protocol) =>
          sockets.some((line) =>
            line.startsWith(protocol) && line.includes(`${this.host}:${port} `)
          )
        )
      );
    };
    await eventually("coturn listens", listens, 10_000);
    this.#preambleLength = this.#process.stdout.length;
  }

  /** Ends it at once: its allocations are gone, and nobody is told. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.[Symbol.asyncDispose]();
    this.#earlierLog += process?.stdout.slice(this.#preambleLength) ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
