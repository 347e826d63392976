import assert from "node:assert/strict";
import { eventually } from "./command.ts";
import type { NatLab } from "./nat/lab.ts";
import { bounded } from "./nat/nat_lab_test_case.ts";
import type { Fault } from "./soak_faults.ts";
import { SoakSite } from "./soak_site.ts";
import { growth, restingState, stateOf } from "./soak_state.ts";
import { usageOf } from "./soak_usage.ts";

/** Sessions, and forwarded connections, between two faults: what leaks with each of them shows. */
const SESSIONS = 5;
const CONNECTIONS = 20;
/** A bound for each, on a busy machine. */
const LONGEST_FAULT_MS = 3 * 60_000;
/** Those who were killed are given up after 40 s. */
const REST_MS = 90_000;

/** The sites of a soak. */
export const SOAK_PLAN = {
  sites: [
    { name: "server", nat: "moderate", mapping: {} },
    { name: "client", nat: "moderate" },
  ],
  wan: { turn: true, dhtnodes: 2 },
} as const;

/**
 * Rounds of faults, and calls between them. In the first one everything that is made once is made, and
 * what is kept ready is; what is there after the last one that was not there after the first is a leak.
 *
 * @param faults what a round consists of, by name
 * @param atLeastMs another round begins until then; there are at least two
 */
export async function soak(
  lab: NatLab,
  faults: Readonly<Record<string, Fault>>,
  atLeastMs: number,
): Promise<void> {
  await using belongings = new AsyncDisposableStack();
  const site = await SoakSite.start(lab, belongings);
  belongings.defer(() => site.stopNode());
  const end = performance.now() + atLeastMs;
  await warmUp(site);
  await round(site, faults);
  const before = await restingState(site);
  let rounds = 1;
  do {
    await round(site, faults);
    rounds++;
  } while (performance.now() < end);

  let grown: string[] = [], now = before;
  await eventually("nothing is left of it", async () => {
    now = await stateOf(site);
    grown = growth(before, now);
    return grown.length === 0;
  }, REST_MS).catch((error) => {
    const states = JSON.stringify({ before, now });
    throw new Error(`${error.message}: ${grown.join("; ")}\n${states}\n${site.log}`);
  });
  console.log(JSON.stringify({ rounds, before, now }));
  assert.deepEqual(now.files, before.files);
  await site.talk("last");
  await site.call();
}

/** Something of everything, so that the heap is about as large as it gets. */
async function warmUp(site: SoakSite): Promise<void> {
  await site.call();
  await site.callOften(5 * SESSIONS);
  await site.forwardOften(CONNECTIONS);
  await site.talk("first");
}

/** Every fault once; afterwards all goes on as before. */
async function round(site: SoakSite, faults: Readonly<Record<string, Fault>>): Promise<void> {
  for (const [name, fault] of Object.entries(faults)) {
    const start = performance.now();
    await bounded(site.lab, fault(site), LONGEST_FAULT_MS).catch((cause) => {
      throw new Error(`${name}: ${cause.message}`, { cause });
    });
    await site.talk(`after ${name}`);
    await site.call();
    await site.callOften(SESSIONS);
    await site.forwardOften(CONNECTIONS);
    const { memoryMiB, descriptors } = usageOf(site.listener.pid);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`${name}: ${seconds} s; ${memoryMiB.toFixed(0)} MiB, ${descriptors} descriptors`);
  }
}
