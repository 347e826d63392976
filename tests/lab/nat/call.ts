import type { DncProcess } from "../dnc_process.ts";
import type { NatLab } from "./lab.ts";
import { TURN_ADDRESSES } from "./turn_server.ts";
import type { Site } from "./site.ts";

/** Longest time from the start of a listener until it listens. */
const LISTENING_MS = 10_000;
/** How `dnc -v` names the path of a connection, at its begin and whenever it changes. */
const PATH = /\b(?:over|path:) (relayed )?(tcp|quic|udp) (\S+) to (\S+)/g;
const TURN_HOSTS = [
  ...TURN_ADDRESSES.ipv4.map((ip) => `${ip}:`),
  ...TURN_ADDRESSES.ipv6.map((ip) => `[${ip}]:`),
];

/** The way that a call's bytes take. */
export interface CallPath {
  readonly relayed: boolean;
  readonly kind: "tcp" | "quic" | "udp";
}

/** What a call is made with, besides its two sites. */
export interface CallOptions {
  /** Further options of both `dnc`. */
  readonly both?: readonly string[];
  readonly listener?: readonly string[];
  readonly dialler?: readonly string[];
  /** The options that name a site's relays; the lab's server unless said otherwise. */
  readonly relays?: (site: Site) => readonly string[];
}

/** The options by which a site's `dnc` finds the lab's servers, and the secret that goes with them. */
export function dncNetwork(
  lab: NatLab,
  site: Site,
  relays: CallOptions["relays"] = (site) => relayOptions(lab, site),
): { args: string[]; env: Record<string, string> } {
  const only6 = site.addresses.ipv4 === undefined;
  const args = ["--no-discovery", "-v", "-b", only6 ? lab.bootstrap6 : lab.bootstrap];
  if (!lab.hasTurn) return { args, env: {} };
  const { host, host6, port, user, password } = lab.turn;
  args.push("--stun", only6 ? `[${host6}]:${port}` : `${host}:${port}`);
  const named = relays(site);
  if (named.length === 0) return { args, env: {} };
  return { args: [...args, ...named, "-u", user], env: { DHTNET_TURN_PASS: password } };
}

function relayOptions({ turn: { host, host6, port } }: NatLab, site: Site): string[] {
  const open = site.router.plan.outbound === "tcp-443" ? 443 : port;
  return ["-t", site.addresses.ipv4 === undefined ? `[${host6}]:${open}` : `${host}:${open}`];
}

/** A `dnc` that listens at one site, and one that dials it from another: new devices both. */
export class Call {
  /** When the dialler was started, Unix time in milliseconds. */
  readonly dialledAtMs = performance.timeOrigin + performance.now();

  private constructor(readonly listener: DncProcess, readonly dialler: DncProcess) {}

  /** Starts both; the dialler as soon as the other listens. */
  static async start(
    lab: NatLab,
    from: Site,
    to: Site,
    { both = [], listener = [], dialler = [], relays }: CallOptions = {},
  ): Promise<Call> {
    const start = async (site: Site, args: readonly string[]) => {
      const network = dncNetwork(lab, site, relays);
      const environment = { ...await site.environment(), ...network.env };
      return await site.dnc([...args, ...network.args, ...both], environment);
    };
    const listening = await start(to, ["-l", ...listener]);
    const failed = listening.exit(LISTENING_MS).then(({ code }) => {
      throw new Error(`the listener ended with code ${code}: ${listening.log}`);
    });
    const id = await Promise.race([listening.listening(), failed]);
    failed.catch(() => {}); // from now on its end is nothing special
    return new Call(listening, await start(from, [id, ...dialler]));
  }

  /** The path that the dialler spoke of last; relayed when it said so, or when it leads to the relay. */
  get path(): CallPath | undefined {
    const last = [...this.dialler.log.matchAll(PATH)].at(-1);
    if (last === undefined) return undefined;
    const [, said, kind, local, remote] = last;
    const overTurn = [local, remote].some((address) =>
      TURN_HOSTS.some((host) => address!.startsWith(host))
    );
    return { relayed: said !== undefined || overTurn, kind: kind as CallPath["kind"] };
  }

  /**
   * Sends a few bytes to the listener, whose standard output leads to its standard input.
   *
   * @returns when the first of them was back, Unix time in milliseconds
   */
  async echo(): Promise<number> {
    const echoing = this.listener.stdout.pipeTo(this.listener.stdin);
    echoing.catch(() => {}); // ends with the call
    await this.dialler.write("hello");
    const output = this.dialler.stdout;
    const reader = output.getReader();
    const { value } = await reader.read();
    const atMs = performance.timeOrigin + performance.now();
    if (value === undefined) {
      await this.dialler.exit(1_000);
      throw new Error(`no echo: ${this.dialler.log}`);
    }
    reader.releaseLock();
    output.pipeTo(new WritableStream()).catch(() => {}); // so that the dialler can go on
    return atMs;
  }
}
