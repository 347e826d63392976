/**
 * What hours of trouble do to those who run for long: killed peers, no descriptors, no memory, full
 * disks, wrong clocks, cut networks, servers that restart. Each of them once, and then in turn until
 * `SOAK_MINUTES` are over. By `deno task soak` alone: on a machine that is busy with other tests calls
 * time out.
 */
import assert from "node:assert/strict";
import { eventually } from "./command.ts";
import { bounded, natLabTest } from "./nat/nat_lab_test_case.ts";
import { FAULTS } from "./soak_faults.ts";
import { SoakSite } from "./soak_site.ts";
import { filesBelow, type Usage, usageOf, wakeUps } from "./soak_usage.ts";

const MINUTES = Number(Deno.env.get("SOAK_MINUTES") ?? 1);
/** At the end everything may take longer than each part of it alone. */
const SLACK_MS = 12 * 60_000;
/** Sessions, and forwarded connections, between two faults: what leaks with each of them shows. */
const SESSIONS = 10;
const CONNECTIONS = 20;
/** A bound for each, on a busy machine. */
const LONGEST_FAULT_MS = 3 * 60_000;
/** Those who were killed are given up after 40 s. */
const REST_MS = 90_000;
/** What V8 and the allocator keep for later; all that is beyond is a leak. */
const MEMORY_SLACK_MIB = 64;
/**
 * Who has once lost a path keeps sockets ready for another one, and so does who is called: one set of
 * them, five or six. A descriptor that is lost with each fault is more.
 */
const DESCRIPTOR_SLACK = 8;
/** The ports of such a set. */
const MAPPING_SLACK = 3;
/** Of the runtime's pools. */
const THREAD_SLACK = 6;
const WAKE_UP_MS = 3_000;

const SITES = [
  { name: "server", nat: "moderate", mapping: {} },
  { name: "client", nat: "moderate" },
] as const;

/** What is compared. */
interface State {
  readonly listener: Usage;
  readonly forwarder: Usage;
  readonly mappings: number;
  readonly files: readonly string[];
  readonly fragileFiles: readonly string[];
  readonly wakeUps: number;
}

/** All that a fault can have left behind, once what was ended is given up. */
async function stateOf(site: SoakSite): Promise<State> {
  return {
    listener: usageOf(site.listener.pid),
    forwarder: usageOf(site.forwarder.pid),
    mappings: await site.mappings(),
    files: filesBelow(site.disk),
    fragileFiles: filesBelow(site.fragileDirectory),
    wakeUps: await wakeUps(site.listener.pid, WAKE_UP_MS),
  };
}

/** The same, once it gets no less any more. */
async function restingState(site: SoakSite): Promise<State> {
  const descriptors = ({ listener, forwarder }: State) =>
    listener.descriptors + forwarder.descriptors;
  let state = await stateOf(site);
  for (let still = 0, round = 0; still < 3 && round < 15; round++) {
    const next = await stateOf(site);
    still = descriptors(next) < descriptors(state) ? 0 : still + 1;
    if (still === 0) state = next;
  }
  return state;
}

/** What is more than there was; empty when nothing is. */
function growth(before: State, now: State): string[] {
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

/** Something of everything, so that what is made once is made, and the heap is as large as it gets. */
async function warmUp(site: SoakSite): Promise<void> {
  await site.call();
  await site.callOften(5 * SESSIONS);
  await site.forwardOften(CONNECTIONS);
  await site.talk("first");
}

natLabTest(
  `soak: ${MINUTES} minutes of trouble leave a listener as it was`,
  { sites: SITES, wan: { turn: true, dhtnodes: 2 } },
  async (lab) => {
    await using belongings = new AsyncDisposableStack();
    const site = await SoakSite.start(lab, belongings);
    belongings.defer(() => site.stopNode());
    await warmUp(site);
    const before = await restingState(site);
    const faults = Object.entries(FAULTS), end = performance.now() + MINUTES * 60_000;
    let count = 0;
    for (; count < faults.length || performance.now() < end; count++) {
      const [name, fault] = faults[count % faults.length]!;
      const start = performance.now();
      await bounded(lab, fault(site), LONGEST_FAULT_MS).catch((cause) => {
        throw new Error(`${name}: ${cause.message}`, { cause });
      });
      await site.talk(`after ${name} ${count}`);
      await site.call();
      await site.callOften(SESSIONS);
      await site.forwardOften(CONNECTIONS);
      const { memoryMiB, descriptors } = usageOf(site.listener.pid);
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`${name}: ${seconds} s; ${memoryMiB.toFixed(0)} MiB, ${descriptors} descriptors`);
    }

    let grown: string[] = [], now = before;
    await eventually("nothing is left of it", async () => {
      now = await stateOf(site);
      grown = growth(before, now);
      return grown.length === 0;
    }, REST_MS).catch((error) => {
      const states = JSON.stringify({ before, now });
      throw new Error(`${error.message}: ${grown.join("; ")}\n${states}\n${site.log}`);
    });
    console.log(JSON.stringify({ faults: count, before, now }));
    assert.deepEqual(now.files, before.files);
    await site.talk("last");
    await site.call();
  },
  { timeoutMs: MINUTES * 60_000 + SLACK_MS },
);
