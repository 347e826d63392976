import assert from "node:assert/strict";
import { DatagramChannel } from "../../cmd/dnc/datagram/datagram_channel.ts";
import { pipeDatagrams } from "../../cmd/dnc/datagram/pipe_datagrams.ts";
import { serveDatagrams } from "../../cmd/dnc/datagram/serve_datagrams.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import type { UdpSocket } from "../../lib/net/mod.ts";
import { MemoryChannel } from "../support/memory_channel.ts";
import { MemorySink } from "../support/memory_streams.ts";
import { settled, SimulatedTimers } from "../support/simulated_timers.ts";

const ACCEPTED = Promise.resolve();
/** Longer than what any end of a flow waits for, ms. */
const LONG_MS = 600_000;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A standard input whose every piece is one read, and which ends when it is told to. */
class Input {
  readonly #pieces: Uint8Array[] = [];
  #ended = false;
  #news = Promise.withResolvers<void>();

  give(...pieces: readonly Uint8Array[]): this {
    this.#pieces.push(...pieces);
    this.#news.resolve();
    return this;
  }

  end(): this {
    this.#ended = true;
    this.#news.resolve();
    return this;
  }

  isTerminal(): boolean {
    return false;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#pieces.length === 0) {
      if (this.#ended) return null;
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
    const piece = this.#pieces.shift()!;
    into.set(piece);
    return piece.length;
  }
}

/** `dnc ID --udp -P`, from its input to the flow at the peer's side. */
function piping(input: Input, answer: Promise<void> = ACCEPTED) {
  const [ours, theirs] = MemoryChannel.pair("x", answer);
  const output = new MemorySink();
  const transfer = { sent: 0, received: 0 };
  const state = { isOver: false };
  const done = pipeDatagrams(ours, {
    streams: { input, output },
    signal: new AbortController().signal,
    transfer,
  }).finally(() => state.isOver = true);
  done.catch(() => {});
  return { done, state, output, transfer, peer: new DatagramChannel(theirs) };
}

Deno.test("datagrams of a pipe: the wait for answers begins when the peer has accepted", async () => {
  using timers = new SimulatedTimers();
  const accepted = Promise.withResolvers<void>();
  const { done, state, output, transfer, peer } = piping(
    new Input().give(bytes("question")).end(),
    accepted.promise,
  );
  await timers.pass(15_000);
  assert.equal(state.isOver, false, "the peer has yet to accept");
  accepted.resolve();
  await timers.pass(1_900);
  peer.send(bytes("answer, "));
  await timers.pass(1_900);
  peer.send(bytes("another"));
  await timers.pass(1_900);
  assert.equal(state.isOver, false);
  await timers.pass(100);
  await done;
  assert.equal(output.text, "answer, another");
  assert.deepEqual(transfer, { sent: 8, received: 15 });
  assert.deepEqual((await Array.fromAsync(peer.datagrams())).map(String), [`${bytes("question")}`]);
});

Deno.test("datagrams of a pipe: a peer that declines is the failure that it was", async () => {
  const accepted = Promise.withResolvers<void>();
  const { done } = piping(new Input().give(bytes("question")).end(), accepted.promise);
  await settled();
  accepted.reject(new ChannelError("no", "declined"));
  await assert.rejects(done, { code: "declined" });
});

Deno.test("datagrams of a pipe: a channel that is full stops the input, and loses none", async () => {
  using timers = new SimulatedTimers();
  const sent = Array.from({ length: 600 }, (_, index) => new Uint8Array(1_000).fill(index));
  const { done, state, transfer, peer } = piping(new Input().give(...sent).end());
  await timers.pass(LONG_MS);
  assert.equal(state.isOver, false, "the peer has yet to read");
  assert.ok(transfer.sent < 100_000, `${transfer.sent} bytes are told of that went nowhere`);
  const received: Uint8Array[] = [];
  const reading = (async () => {
    for await (const datagram of peer.datagrams()) received.push(datagram);
  })();
  await timers.pass(1_900);
  assert.deepEqual(received, sent);
  assert.equal(transfer.sent, 600_000);
  await timers.pass(100);
  await Promise.all([done, reading]);
});

Deno.test("datagrams of a pipe: while there may be more input, silence is no end", async () => {
  using timers = new SimulatedTimers();
  const input = new Input().give(bytes("one line"));
  const { done, state, transfer, peer } = piping(input);
  const lines: string[] = [];
  const socket = {
    onDatagram() {},
    send: (datagram: Uint8Array) => void lines.push(new TextDecoder().decode(datagram)),
    close: () => Promise.resolve(),
  } as unknown as UdpSocket;
  const [ours, theirs] = MemoryChannel.pair("x", ACCEPTED);
  const serving = serveDatagrams(theirs, { socket, remote: { ip: "127.0.0.1", port: 53 } });
  const client = new DatagramChannel(ours);
  const passOn = (async () => {
    for await (const datagram of peer.datagrams()) client.send(datagram);
  })();
  await timers.pass(LONG_MS);
  assert.equal(state.isOver, false);
  input.give(bytes("a later one")).end();
  await timers.pass(1_900);
  assert.deepEqual(lines, ["one line", "a later one"]);
  assert.equal(transfer.sent, 19);
  await timers.pass(100);
  client.close();
  await Promise.all([done, serving, passOn]);
});

Deno.test("datagrams of a pipe: a peer that ends it before the input is a failure", async () => {
  const { done, peer } = piping(new Input().give(bytes("one line")));
  await settled();
  peer.close();
  await assert.rejects(done, { exitCode: 1, message: "the peer ended the flow of datagrams" });
});
