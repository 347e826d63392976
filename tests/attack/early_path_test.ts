import assert from "node:assert/strict";
import { EarlyPath } from "../../lib/endpoint/early_path.ts";
import { EarlyPipe, isEarlyDatagram } from "../../lib/endpoint/early_pipe.ts";
import type { IceAgent, PairSummary, Path } from "../../lib/ice/mod.ts";
import { DatagramOpener, DatagramSealer } from "../../lib/session/mod.ts";
import { type SessionEnd, SessionPair } from "../support/session_pair.ts";

const ADDRESSES = {
  local: { ip: "192.0.2.1", port: 1 },
  remote: { ip: "192.0.2.2", port: 2 },
};
const PATH: Path = { transport: "udp", ...ADDRESSES };

/** The datagrams with which a session begins, over an early path. */
function firstDatagrams(sender: SessionEnd): Uint8Array[] {
  const sent: Uint8Array[] = [];
  const pipe = new EarlyPipe(ADDRESSES, (datagram) => sent.push(datagram));
  pipe.open();
  sender.session.attach(0);
  sender.session.open("early").write(new Uint8Array(60)).catch(() => {});
  pipe.write(sender.drain(0)).catch(() => {});
  return sent;
}

/** What a session makes of datagrams on its early path. */
async function bring(receiver: SessionEnd, datagrams: readonly Uint8Array[]): Promise<void> {
  const pipe = new EarlyPipe(ADDRESSES, () => {});
  receiver.session.attach(0);
  for (const datagram of datagrams) if (isEarlyDatagram(datagram)) pipe.take(datagram);
  const buffer = new Uint8Array(2_000);
  const reading = (async () => {
    for (let count; (count = await pipe.read(buffer));) {
      if (!receiver.session.receive(buffer.subarray(0, count), 0)) break;
    }
  })();
  reading.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  await pipe.abort();
  await reading.catch(() => {});
  receiver.session.detach(0);
}

Deno.test("attack: one bit of an early datagram altered, no channel, and the session goes on", async () => {
  const [flight] = firstDatagrams(new SessionPair().left);
  for (let bit = 0; bit < flight!.length * 8; bit++) {
    const pair = new SessionPair(), [sent] = firstDatagrams(pair.left);
    const altered = sent!.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    await bring(pair.right, [altered]);
    assert.equal(pair.right.requests.length, 0, `bit ${bit}`);
    assert.ok(!pair.right.session.isClosed);
    if (bit % 101 !== 0) continue;
    // Over the path that takes its place everything arrives.
    pair.left.session.detach(0);
    pair.attach();
    await pair.run();
    assert.deepEqual(pair.right.requests.map(({ name }) => name), ["early"]);
  }
});

Deno.test("attack: forged early datagrams in the peer's place cost the first path, and no more", async () => {
  const pair = new SessionPair(), sent = firstDatagrams(pair.left);
  const forged = Uint8Array.from({ length: 300 }, (_, n) => n < 2 ? sent[0]![n]! : n);
  await bring(pair.right, [forged, ...sent]);
  assert.equal(pair.right.requests.length, 0);
  pair.left.session.detach(0);
  pair.attach();
  await pair.run();
  assert.equal(pair.right.requests.length, 1);
});

Deno.test("attack: early datagrams of who has not proved itself on that path begin nothing", () => {
  const pipes: EarlyPipe[] = [];
  let requestsReceived = 0, isKnown = false;
  const agent = {
    controlling: false,
    state: "running",
    pair: () => isKnown ? { requestsReceived, valid: false } as PairSummary : undefined,
  } as unknown as IceAgent;
  const early = new EarlyPath({
    agent,
    onPipe: (pipe) => pipes.push(pipe),
    send: () => {},
    onPostponed: () => {},
  });
  const [datagram] = firstDatagrams(new SessionPair().left);
  for (let n = 0; n < 1_000; n++) assert.ok(early.take(datagram!, PATH), "it is no other's");
  isKnown = true;
  early.take(datagram!, PATH);
  assert.equal(pipes.length, 0, "a path on which we sent, and nobody else");
  requestsReceived = 1;
  early.take(datagram!, PATH);
  assert.equal(pipes.length, 1, "the peer, whose check proved it");
});

Deno.test("attack: one bit of a session's datagram altered, nothing is read, and the true one still counts", () => {
  const key = (fill: number) => new Uint8Array(32).fill(fill);
  const theirs = { send: key(1), receive: key(2), handshakeHash: key(3) };
  const ours = { send: key(2), receive: key(1), handshakeHash: key(3) };
  const sealed = new DatagramSealer(theirs).seal(9, new Uint8Array(60))!;
  const opener = new DatagramOpener(ours);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = sealed.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(opener.open(altered), undefined, `bit ${bit}`);
  }
  assert.equal(opener.open(sealed)?.port, 9);
  assert.equal(opener.open(sealed), undefined, "once");
});
