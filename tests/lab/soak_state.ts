import type { SoakSite } from "./soak_site.ts";
import { filesBelow, type Usage, usageOf, wakeUps } from "./soak_usage.ts";

/**
 * What V8 keeps for later, MiB: it differs by 15 from one rest to the next. A leak of 200 KiB with
 * each call, of which a round has more than a hundred, is beyond.
 */
const MEMORY_SLACK_MIB = 32;
/**
 * Who is called, and who has lost a path, keeps one set of sockets ready for the next one, five or
 * six; for a moment, there are two. A descriptor that is lost with each fault is more.
 */
const DESCRIPTOR_SLACK = 8;
/** The ports of such a set. */
const MAPPING_SLACK = 3;
/** Of the runtime's pools. */
const THREAD_SLACK = 6;
const WAKE_UP_MS = 3_000;
/** A listener gives back memory half a minute after a call, ms. */
const GIVEN_BACK_MS = 40_000;

/** What is compared. */
export interface State {
  readonly listener: Usage;
  readonly forwarder: Usage;
  /** Ports that the router maps. */
  readonly mappings: number;
  readonly files: readonly string[];
  readonly fragileFiles: readonly string[];
  /** Of the listener, a second. */
  readonly wakeUps: number;
}

/** All that is there at a moment, or nearly: looking takes three seconds. */
export async function stateOf(site: SoakSite): Promise<State> {
  return {
    listener: usageOf(site.listener.pid),
    forwarder: usageOf(site.forwarder.pid),
    mappings: await site.mappings(),
    files: filesBelow(site.disk),
    fragileFiles: filesBelow(site.fragileDirectory),
    wakeUps: await wakeUps(site.listener.pid, WAKE_UP_MS),
  };
}

/** The same, once those that were ended are given up, and memory is given back. */
export async function restingState(site: SoakSite): Promise<State> {
  const descriptors = ({ listener, forwarder }: State) =>
    listener.descriptors + forwarder.descriptors;
  const begin = performance.now();
  let state = await stateOf(site);
  for (let still = 0; still < 3 || performance.now() - begin < GIVEN_BACK_MS;) {
    const next = await stateOf(site);
    still = descriptors(next) < descriptors(state) ? 0 : still + 1;
    state = next;
    if (performance.now() - begin > 2 * GIVEN_BACK_MS) break;
  }
  return state;
}

/** What is more than there was; empty when nothing is. */
export function growth(before: State, now: State): string[] {
  const grown: string[] = [];
  const check = (what: string, was: number, is: number, slack: number) => {
    if (is > was + slack) grown.push(`${what}: ${was.toFixed(0)} before, ${is.toFixed(0)} now`);
  };
  for (const who of ["listener", "forwarder"] as const) {
    const [was, is] = [before[who], now[who]];
    check(`${who}'s memory, MiB`, was.memoryMiB, is.memoryMiB, MEMORY_SLACK_MIB);
    check(`${who}'s descriptors`, was.descriptors, is.descriptors, DESCRIPTOR_SLACK);
    check(`${who}'s sockets`, was.sockets, is.sockets, DESCRIPTOR_SLACK);
    check(`${who}'s threads`, was.threads, is.threads, THREAD_SLACK);
  }
  check("mapped ports", before.mappings, now.mappings, MAPPING_SLACK);
  check("files of the listener", before.files.length, now.files.length, 0);
  check("files of the killed one", before.fragileFiles.length, now.fragileFiles.length, 0);
  check("wake-ups a second", before.wakeUps, now.wakeUps, before.wakeUps + 100);
  return grown;
}
