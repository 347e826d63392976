import assert from "node:assert/strict";
import {
  acceptQuic,
  dialQuic,
  listenQuic,
  type Pipe,
  quicCertificate,
  type SocketAddress,
} from "../../lib/net/mod.ts";
import { QUIC_PREAMBLE } from "../../lib/net/quic_api.ts";
import { MAX_QUIC_HANDSHAKES, QuicHall } from "../../lib/net/quic_incoming.ts";

const ANY: SocketAddress = { ip: "127.0.0.1", port: 0 };
const HOST = { transport: "udp", hostname: "127.0.0.1" } as const;

/** First datagrams of so many connections: from elsewhere, each begins an endless handshake. */
async function initials(count: number): Promise<Uint8Array[]> {
  const recorder = Deno.listenDatagram({ ...HOST, port: 0 });
  const { port } = recorder.addr as Deno.NetAddr;
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const dials = Array.from(
    { length: count },
    () => Deno.connectQuic({ ...HOST, port, endpoint, alpnProtocols: ["dhtnet/1"] }),
  );
  const ended = Promise.allSettled(dials);
  const byConnection = new Map<string, Uint8Array>();
  const patience = setTimeout(() => recorder.close(), 5_000);
  while (byConnection.size < count) {
    const [bytes] = await recorder.receive();
    byConnection.set(bytes.subarray(6, 6 + bytes[5]!).join(), bytes.slice());
  }
  clearTimeout(patience);
  recorder.close();
  endpoint.close();
  await ended;
  return [...byConnection.values()];
}

async function sendTo(port: number, datagrams: readonly Uint8Array[]): Promise<void> {
  const forger = Deno.listenDatagram({ ...HOST, port: 0 });
  for (const bytes of datagrams) await forger.send(bytes, { ...HOST, port });
  forger.close();
}

Deno.test("quic listener: handshakes that strangers never end do not close the door", async () => {
  const forged = await initials(40);
  const credentials = await quicCertificate();
  const taken = Promise.withResolvers<Pipe>();
  const listener = listenQuic({ local: ANY, credentials, onPipe: taken.resolve });
  await sendTo(listener.local.port, forged);
  const { sha256 } = credentials;
  try {
    const near = await dialQuic({ local: ANY, remote: listener.local, sha256, timeoutMs: 3000 });
    await Promise.all([near.close(), (await taken.promise).close()]);
  } finally {
    await listener.close();
  }
});

Deno.test("quic accept: handshakes that strangers never end do not close the door", async () => {
  const forged = await initials(12);
  const credentials = await quicCertificate(), { sha256 } = credentials;
  const listening = Promise.withResolvers<SocketAddress>();
  const onListening = listening.resolve, stop = new AbortController(), { signal } = stop;
  const accepted = acceptQuic({ local: ANY, credentials, timeoutMs: 5000, onListening, signal });
  accepted.catch(() => {});
  const remote = await listening.promise;
  await sendTo(remote.port, forged);
  try {
    const near = await dialQuic({ local: ANY, remote, sha256, timeoutMs: 3000 });
    await Promise.all([near.close(), (await accepted).close()]);
  } finally {
    stop.abort();
  }
});

/** An incoming connection whose handshake ends when the test says so. */
class FakeIncoming {
  /** Got no answer: its client asks again, which one that is refused does not. */
  ignored = false;
  closed = false;
  readonly handshake = Promise.withResolvers<Deno.QuicConn>();
  readonly #ended = Promise.withResolvers<never>();

  accept(): Promise<Deno.QuicConn> {
    return this.handshake.promise;
  }

  ignore(): void {
    this.ignored = true;
  }

  /** Ends the handshake; with a first byte the client then says it, without one it is silent. */
  complete(firstByte?: number): void {
    const ended = this.#ended.promise;
    const bytes = new ReadableStream({
      type: "bytes",
      start: (controller) => controller.enqueue(Uint8Array.of(firstByte!)),
    });
    const incomingBidirectionalStreams = new ReadableStream({
      start: (controller) => {
        ended.catch((error) => controller.error(error));
        if (firstByte === undefined) return;
        controller.enqueue({ readable: bytes, writable: new WritableStream() });
      },
    });
    const close = () => {
      this.closed = true;
      this.#ended.reject(new Error("closed"));
    };
    this.handshake.resolve(
      { closed: ended, close, incomingBidirectionalStreams } as unknown as Deno.QuicConn,
    );
  }
}

function hall(options: Partial<ConstructorParameters<typeof QuicHall>[0]> = {}) {
  const made = new QuicHall({
    handshakeMs: 5_000,
    maxSilent: 2,
    onConnected: () => true,
    ...options,
  });
  return (incoming: FakeIncoming) => made.take(incoming as unknown as Deno.QuicIncoming);
}

Deno.test("quic hall: a handshake gives its place back when its time is over", async () => {
  const take = hall({ handshakeMs: 5 });
  const strangers = Array.from({ length: MAX_QUIC_HANDSHAKES }, () => new FakeIncoming());
  const waiting = Promise.all(strangers.map(take));
  const tooMany = new FakeIncoming(), peer = new FakeIncoming();
  assert.equal(await take(tooMany), undefined);
  assert.ok(tooMany.ignored);
  assert.ok((await waiting).every((meant) => meant === undefined));
  peer.complete(QUIC_PREAMBLE);
  assert.ok(await take(peer));
  const [late, failed] = strangers;
  late!.complete(QUIC_PREAMBLE);
  failed!.handshake.reject(new Error("timed out"));
  await new Promise((resolve) => setTimeout(resolve)); // a rejection nobody handles would show
  assert.ok(late!.closed && !peer.closed);
});

Deno.test("quic hall: silent connections are few, and closed in time", async () => {
  const take = hall({ silenceMs: 5 });
  const [first, second, third, later] = Array.from({ length: 4 }, () => new FakeIncoming());
  const taken = [first!, second!, third!].map(take); // none of them is silent yet
  for (const incoming of [first!, second!, third!]) incoming.complete();
  assert.equal(await taken[2], undefined);
  assert.ok(third!.closed && !first!.closed && !second!.closed);
  assert.equal(await take(later!), undefined);
  assert.ok(later!.ignored);
  assert.deepEqual(await Promise.all(taken), [undefined, undefined, undefined]);
  assert.ok(first!.closed && second!.closed);
  const peer = new FakeIncoming();
  peer.complete(QUIC_PREAMBLE);
  assert.ok(await take(peer));
});

Deno.test("quic hall: what begins in another way, or is turned away, is closed", async () => {
  const other = new FakeIncoming(), unwanted = new FakeIncoming();
  other.complete(QUIC_PREAMBLE + 1);
  unwanted.complete(QUIC_PREAMBLE);
  assert.equal(await hall()(other), undefined);
  assert.equal(await hall({ onConnected: () => false })(unwanted), undefined);
  assert.ok(other.closed && unwanted.closed);
});
