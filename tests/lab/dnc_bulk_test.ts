import assert from "node:assert/strict";
import { type Lab, labTest } from "./lab.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { digestOf, sendPseudoRandom } from "./pseudo_random.ts";

const MIB = 1024 * 1024;
/** Most resident memory that a `dnc` may need, whatever it carries, in MiB. */
const MEMORY_LIMIT_MIB = 150;
/** Growth from the first to the second half of a transfer of seconds that is noise of the collector, MiB. */
const MEMORY_NOISE_MIB = 20;

/** Carries pseudo-random bytes both ways at once between two `dnc`; prints and checks the figures. */
async function carry(
  lab: Lab,
  what: string,
  { bytes, transport, bootstrap }: { bytes: number; transport: string; bootstrap: string[] },
): Promise<void> {
  const network = ["--no-discovery", "--transport", transport, "--status"];
  const join = (node: string) => [...network, "-b", node];
  const listener = await lab.dnc(["-l", ...join(bootstrap[0]!)]);
  const dialler = await lab.dnc([await listener.listening(), ...join(bootstrap.at(-1)!)]);
  await dialler.shows(/connected to/);
  const watches = [new MemoryWatch(listener.pid), new MemoryWatch(dialler.pid)];
  try {
    const begin = performance.now();
    const [forth, back, there, here] = await Promise.all([
      sendPseudoRandom(dialler.stdin, bytes, 1),
      sendPseudoRandom(listener.stdin, bytes, 2),
      digestOf(listener.stdout),
      digestOf(dialler.stdout),
    ]);
    const seconds = (performance.now() - begin) / 1000;
    assert.deepEqual(there, forth, "dialler to listener");
    assert.deepEqual(here, back, "listener to dialler");
    const exits = await Promise.all([listener.exit(), dialler.exit()]);
    assert.deepEqual(exits.map(({ code }) => code), [0, 0]);
    const kind = /over (\w+) /.exec(dialler.log)?.[1];
    if (transport !== "auto") assert.equal(kind, transport);
    console.log(
      `${what}: ${bytes / MIB} MiB each way at once over ${kind} in ${seconds.toFixed(1)} s, ` +
        `${(2 * bytes / MIB / seconds).toFixed(0)} MiB/s together`,
    );
  } finally {
    watches.forEach((watch) => watch.stop());
  }
  for (const [index, name] of ["listener", "dialler"].entries()) {
    const { peakMiB, halvesMiB: [first, second] } = watches[index]!;
    console.log(
      `  ${name}: highest VmRSS ${first.toFixed(0)} MiB in the first half, ` +
        `${second.toFixed(0)} MiB in the second; VmHWM ${peakMiB.toFixed(0)} MiB`,
    );
    assert.ok(peakMiB > 0 && peakMiB < MEMORY_LIMIT_MIB, `${name}: ${peakMiB} MiB`);
    assert.ok(second <= first + MEMORY_NOISE_MIB, `${name} grows: ${first} to ${second} MiB`);
  }
  await lab.nothingLeft();
}

/** Three of Debian's DHT nodes that know one another. */
async function threeDhtnodes(lab: Lab): Promise<string[]> {
  await lab.dhtnode(4001);
  await lab.dhtnode(4002, "127.0.0.1:4001");
  await lab.dhtnode(4003, "127.0.0.1:4002");
  return [1, 2, 3].map((n) => `127.0.0.1:400${n}`);
}

labTest("1 GiB each way over TCP, found through three dhtnodes", async (lab) => {
  const bootstrap = await threeDhtnodes(lab);
  await carry(lab, "three dhtnodes", { bytes: 1024 * MIB, transport: "tcp", bootstrap });
}, 180_000);

labTest("256 MiB each way over QUIC, found through three dhtnodes", async (lab) => {
  const bootstrap = await threeDhtnodes(lab);
  await carry(lab, "three dhtnodes", { bytes: 256 * MIB, transport: "quic", bootstrap });
}, 120_000);

labTest("256 MiB each way, found through three nodes of our own", async (lab) => {
  await lab.ownNode(4001);
  await lab.ownNode(4002, "127.0.0.1:4001");
  await lab.ownNode(4003, "127.0.0.1:4002");
  const bootstrap = ["127.0.0.1:4001", "127.0.0.1:4003"];
  await carry(lab, "three nodes of ours", { bytes: 256 * MIB, transport: "auto", bootstrap });
});

labTest("256 MiB each way, found through two dhtnodes and two nodes of our own", async (lab) => {
  await lab.dhtnode(4001);
  await lab.ownNode(4002, "127.0.0.1:4001");
  await lab.dhtnode(4003, "127.0.0.1:4002");
  await lab.ownNode(4004, "127.0.0.1:4003");
  const bootstrap = ["127.0.0.1:4001", "127.0.0.1:4004"];
  await carry(lab, "two dhtnodes and two of ours", {
    bytes: 256 * MIB,
    transport: "auto",
    bootstrap,
  });
});
