import assert from "node:assert/strict";
import { FrameType, INITIAL_CREDIT, MAX_STREAM_BYTES } from "../../cmd/dsh/protocol/frame.ts";
import { FrameWriter } from "../../cmd/dsh/protocol/frame_writer.ts";
import { encodeSessionRequest } from "../../cmd/dsh/protocol/session_request.ts";
import { ClientLink } from "../../cmd/dsh/server/client_link.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

const REQUEST = encodeSessionRequest({
  command: "true",
  binary: undefined,
  terminal: undefined,
  environment: [],
  kept: undefined,
});

/** A server's end of a channel, and a client that may write what it likes. */
function pair(): { link: ClientLink; client: FrameWriter; channel: MemoryChannel } {
  const [near, far] = MemoryChannel.pair("dsh://session", Promise.resolve());
  return { link: new ClientLink(far), client: new FrameWriter(near), channel: near };
}

/** A program that takes input, or never does. */
function actions(options: { stuck?: boolean } = {}) {
  const seen: string[] = [];
  return {
    seen,
    takeInput: () => 0,
    onInput(bytes: Uint8Array) {
      seen.push(`input ${bytes.length}`);
      return options.stuck ? new Promise<void>(() => {}) : Promise.resolve();
    },
    onInputEnd: () => void seen.push("end"),
    onResize: () => void seen.push("resize"),
    onSignal: (signal: string) => void seen.push(signal),
  };
}

Deno.test("dsh server: a session that begins with anything but a request is refused", async () => {
  for (const type of [FrameType.input, FrameType.signal, FrameType.detach]) {
    const { link, client } = pair();
    await client.send(type, new Uint8Array(3));
    await assert.rejects(link.request(), { name: "ProtocolError", code: "message" });
  }
  const { link, channel } = pair();
  await channel.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  await assert.rejects(link.request(), { name: "ProtocolError", code: "frame-type" });
  const empty = pair();
  await empty.channel.closeWrite();
  await assert.rejects(empty.link.request(), { name: "ProtocolError" });
});

Deno.test("dsh server: a second request, frames out of order and nonsense end the session", async () => {
  const hostile: [FrameType, Uint8Array][][] = [
    [[FrameType.request, REQUEST]],
    [[FrameType.inputEnd, new Uint8Array()], [FrameType.input, new Uint8Array(1)]],
    [[FrameType.resize, new Uint8Array(3)]],
    ...[[0, 0, 0, 0], [0, 80, 0, 0], [0, 0, 0, 24]].map((size): [FrameType, Uint8Array][] => [
      [FrameType.resize, new Uint8Array(size)],
    ]),
    [[FrameType.signal, new TextEncoder().encode("STOP")]],
    [[FrameType.exit, new Uint8Array()]],
  ];
  for (const frames of hostile) {
    const { link, client } = pair();
    await client.send(FrameType.request, REQUEST);
    await link.request();
    for (const [type, payload] of frames) await client.send(type, payload);
    await assert.rejects(link.serve(actions()), { name: "ProtocolError" });
  }
});

Deno.test("dsh server: input beyond the credit ends the session, so that memory is bounded", async () => {
  const { link, client } = pair();
  client.send(FrameType.request, REQUEST);
  await link.request();
  const program = actions({ stuck: true });
  const serving = link.serve(program);
  const sending = (async () => {
    const payload = new Uint8Array(MAX_STREAM_BYTES);
    for (let sent = 0; sent <= INITIAL_CREDIT; sent += payload.length) {
      await client.send(FrameType.input, payload);
    }
  })();
  await assert.rejects(serving, { name: "ProtocolError", message: /more input than/ });
  sending.catch(() => {});
});

Deno.test("dsh server: input that a program has no room for waits its turn; credit is for all of it", async () => {
  const { link, client, channel } = pair();
  client.send(FrameType.request, REQUEST);
  await link.request();
  const taken: number[] = [];
  let waiting: (() => void) | undefined;
  const program = {
    ...actions(),
    // Every third one finds room for a part of it.
    takeInput(bytes: Uint8Array) {
      assert.equal(waiting, undefined, "nothing overtakes what waits");
      const count = taken.length % 3 === 0 ? bytes.length : Math.floor(bytes.length / 2);
      taken.push(...bytes.subarray(0, count));
      return count;
    },
    onInput(bytes: Uint8Array) {
      taken.push(...bytes);
      return new Promise<void>((resolve) => waiting = resolve).then(() => waiting = undefined);
    },
  };
  const serving = link.serve(program);
  const sent = Uint8Array.from({ length: 500 }, (_, index) => index);
  for (let at = 0, size = 1; at < sent.length; at += size++) {
    await client.send(FrameType.input, sent.subarray(at, at + size));
    waiting?.();
  }
  await client.send(FrameType.detach);
  assert.equal(await serving, "detached");
  for (let turn = 0; turn < 1000 && taken.length < sent.length; turn++) {
    waiting?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.deepEqual(Uint8Array.from(taken), sent);
  channel.close();
});

Deno.test("dsh server: a signal overtakes input that the program does not read", async () => {
  const { link, client, channel } = pair();
  client.send(FrameType.request, REQUEST);
  await link.request();
  const program = actions({ stuck: true });
  const serving = link.serve(program);
  await client.send(FrameType.input, new Uint8Array(10));
  await client.send(FrameType.input, new Uint8Array(10));
  await client.send(FrameType.signal, new TextEncoder().encode("INT"));
  await client.send(FrameType.detach);
  assert.equal(await serving, "detached");
  assert.deepEqual(program.seen, ["input 10", "SIGINT"]);
  channel.close();
});
