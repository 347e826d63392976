import assert from "node:assert/strict";
import { run } from "./command.ts";
import { withDescriptors } from "./few_descriptors.ts";
import { memoryGroup } from "./soak_memory_group.ts";
import { conversation, type SoakSite } from "./soak_site.ts";
import { usageOf } from "./soak_usage.ts";

/** A session that lost its path is given up after 40 s; then whoever waits on it has to know. */
const GIVEN_UP_MS = 90_000;
/** Shorter than the two attempts to resume after which a peer that does not answer is given up. */
const CUT_MS = 4_000;
/** Longer than a path may be silent. */
const SUSPENDED_MS = 6_000;

/** Something that goes wrong, and is over when it returns. */
export type Fault = (site: SoakSite) => Promise<void>;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Diallers are killed while they talk. */
const killDiallers: Fault = async (site) => {
  const callers = await Promise.all([1, 2].map(() => site.open()));
  await Promise.all(callers.map((caller) => conversation(caller)("a")));
  for (const caller of callers) caller.kill("SIGKILL");
  await Promise.all(callers.map((caller) => caller.exit()));
};

/** A listener is killed while somebody talks to it, and comes back as who it was. */
const killListener: Fault = async (site) => {
  const caller = await site.open(site.fragileId);
  await conversation(caller)("a");
  await site.restartFragile();
  await site.call(site.fragileId);
  const { code } = await caller.exit(GIVEN_UP_MS);
  assert.equal(code, 1, caller.log);
};

/** A listener, and one who forwards a port, may open hardly any more files and sockets, or none. */
const exhaustDescriptors: Fault = async (site) => {
  for (const spare of [8, 3, 0]) {
    await withDescriptors(site.listener.pid, spare, async () => {
      const callers = await Promise.all(
        [1, 2, 3].map(() => site.open(undefined, "--timeout", "5s")),
      );
      await Promise.all(callers.map((caller) => caller.finish("hello").catch(() => {})));
      // Whoever gets no place is told so, or finds that nobody answers: in time, in any case.
      await Promise.all(callers.map((caller) => caller.exit(30_000)));
    });
  }
  let waiting: Promise<void> | undefined;
  await withDescriptors(site.forwarder.pid, 0, async () => {
    waiting = site.forwardOften(1);
    await sleep(1_000);
  });
  // The system holds a connection that nobody can take yet.
  await waiting;
};

/** The disk of the listener is full; and others have to begin, or to write, on a full one. */
const fillDisk: Fault = async (site) => {
  const file = `${site.disk}/filling`;
  const fill = (path: string) => `dd if=/dev/zero of=${path} bs=4k 2>&1 || true`;
  assert.match(await run("sh", "-c", fill(file)), /No space left/);
  try {
    await site.call();
    const path = `${site.client.directory}/full`;
    const call = [site.listenerId, "-P", "7", "--no-upnp"];
    const homeless = await site.onDisk(site.client, path, call, { before: fill("filling") });
    const { code } = await homeless.exit();
    assert.notEqual(code, 0);
    assert.match(homeless.log, /No space left on device/);
    assert.ok(homeless.log.length < 2_000, `plainly: ${homeless.log}`);
    await homeless[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(file);
  }
};

/** A listener has less memory than it needs: it is killed, and comes back once there is more. */
const exhaustMemory: Fault = async (site) => {
  await using group = await memoryGroup();
  if (group === undefined) return;
  const { pid } = site.fragile;
  await group.take(pid, (usageOf(pid).memoryMiB + 4) << 20);
  const callers = await Promise.all(
    [1, 2, 3].map(() => site.open(site.fragileId, "--timeout", "5s")),
  );
  await Promise.all(callers.map((caller) => caller.finish("x".repeat(1 << 20)).catch(() => {})));
  await site.restartFragile();
  await site.call(site.fragileId);
  await Promise.all(callers.map((caller) => caller.exit(GIVEN_UP_MS)));
};

/** The listener's clock goes wrong by hours, and is set right again. */
const setClock: Fault = async (site) => {
  for (const offset of ["+3h", "-3h"]) {
    await Deno.writeTextFile(site.clockFile, offset);
    const caller = await site.open(undefined, "--timeout", "10s");
    await caller.finish("hello").catch(() => {});
    const { code } = await caller.exit();
    assert.equal(code, 3, caller.log);
    assert.match(caller.log, /clock/);
  }
  await Deno.writeTextFile(site.clockFile, "+0");
};

/** The listener gets no processor for a while. */
const suspend: Fault = async ({ listener }) => {
  listener.kill("SIGSTOP");
  await sleep(SUSPENDED_MS);
  listener.kill("SIGCONT");
};

/** Nothing comes through for a while: at one side, and then at the other. */
const cutNetwork: Fault = async ({ client, server }) => {
  const rules = "type filter hook forward priority -9; policy drop;";
  for (const { router } of [client, server]) {
    const nft = (line: string) => run(...router.namespace.inside("nft", line));
    await nft(`add table inet cut; add chain inet cut pass { ${rules} }`);
    await sleep(CUT_MS);
    await nft("delete table inet cut");
    await sleep(CUT_MS);
  }
};

/** The router forgets whom it let through. */
const forgetMappings: Fault = async ({ lab }) => {
  await lab.forgetMappings("client");
};

/** The servers that help both sides to find each other go, and come back knowing nothing. */
const restartServers: Fault = async (site) => {
  await site.lab.stopTurn();
  await site.restartNode();
  await sleep(1_000);
  await site.lab.startTurn();
};

/** Those that take some seconds each. */
export const QUICK_FAULTS: Readonly<Record<string, Fault>> = {
  "diallers are killed": killDiallers,
  "a listener is killed": killListener,
  "no descriptors": exhaustDescriptors,
  "a full disk": fillDisk,
  "no memory": exhaustMemory,
  "a wrong clock": setClock,
};

/** All that can be done to them, by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...QUICK_FAULTS,
  "no processor": suspend,
  "a cut network": cutNetwork,
  "a router that forgets": forgetMappings,
  "servers that restart": restartServers,
};
