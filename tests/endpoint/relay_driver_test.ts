import assert from "node:assert/strict";
import { TurnDriver } from "../../lib/endpoint/relay/driver.ts";
import type { ServerLink } from "../../lib/endpoint/relay/link.ts";
import { StreamLink } from "../../lib/endpoint/relay/stream_link.ts";
import { TurnRelay } from "../../lib/endpoint/relay/turn_relay.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import { type ByteStream, type Clock, random } from "../../lib/net/mod.ts";
import {
  Data,
  decodeMessage,
  encodeMessage,
  Lifetime,
  Method,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from "../../lib/stun/mod.ts";
import { TurnClient } from "../../lib/turn/mod.ts";

const SERVER: SocketAddress = { ip: "127.0.0.1", port: 3478 };
const PEER: SocketAddress = { ip: "198.51.100.7", port: 4222 };
/** Nothing here takes time. */
const clock: Clock = {
  now: () => 1000,
  wallClock: () => 0,
  setTimer: () => ({ cancel: () => {} }),
};

/** A connection to a server that the test plays. */
class FakeLink implements ServerLink {
  readonly transport = "stream";
  readonly remote = SERVER;
  readonly congested = false;
  readonly sent: Uint8Array[] = [];
  onBytes: (bytes: Uint8Array) => void = () => {};
  onLost: () => void = () => {};
  onDrained: () => void = () => {};

  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Says yes to the last request. */
  grant(method: number, add = (message: ReturnType<typeof encodeMessage>) => message): void {
    const { transactionId } = decodeMessage(this.sent.at(-1)!)!;
    this.onBytes(add(encodeMessage("success", method, transactionId.slice())).finish());
  }
}

/** A relay that has been given, with a permission for the peer. */
function relayOver(link: FakeLink): TurnRelay {
  const client = new TurnClient({
    transport: "stream",
    relay: "udp",
    families: [4],
    random,
    now: clock.now(),
  });
  const driver = new TurnDriver(client, link, clock);
  const route = { transport: "tcp", address: SERVER, serverName: undefined, localIp: undefined };
  let relay: TurnRelay | undefined;
  driver.onEvent = (event) => {
    if (event.type !== "allocated") return;
    relay = new TurnRelay({ client, driver, route: route as never, clock, allocated: event });
  };
  driver.do(() => {});
  link.grant(
    Method.Allocate,
    (message) =>
      message.add(XorRelayedAddress, { ip: "192.0.2.1", port: 5000 })
        .add(XorMappedAddress, { ip: "192.0.2.2", port: 6 }).add(Lifetime, 600),
  );
  relay!.permit(PEER.ip);
  link.grant(Method.CreatePermission);
  return relay!;
}

Deno.test("TURN driver: answers to datagrams that come together do not nest", () => {
  const link = new FakeLink(), relay = relayOver(link);
  let depth = 0, deepest = 0, count = 0;
  relay.onDatagram = (bytes, from) => {
    depth++;
    deepest = Math.max(deepest, depth);
    relay.send(bytes, from);
    depth--;
    count++;
  };
  const one = encodeMessage("indication", Method.Data, random(12))
    .add(XorPeerAddress, PEER).add(Data, new Uint8Array(8)).finish();
  const perRead = Math.floor(65_536 / one.length), read = new Uint8Array(perRead * one.length);
  for (let index = 0; index < perRead; index++) read.set(one, index * one.length);
  link.onBytes(read);
  assert.equal(deepest, 1);
  assert.equal(count, perRead);
  const isSend = ([high, low]: Uint8Array) => high === 0 && low === 0x16; // RFC 8656 §13
  assert.equal(link.sent.filter(isSend).length, perRead);
});

Deno.test("TURN driver: a callback that throws does not stop what comes later", () => {
  const link = new FakeLink(), relay = relayOver(link);
  const datagram = encodeMessage("indication", Method.Data, random(12))
    .add(XorPeerAddress, PEER).add(Data, new Uint8Array(8)).finish();
  relay.onDatagram = () => {
    throw new Error("of the callback");
  };
  assert.throws(() => link.onBytes(datagram), /of the callback/);
  let count = 0;
  relay.onDatagram = () => count++;
  link.onBytes(datagram);
  assert.equal(count, 1);
});

Deno.test("TURN over TCP: a write that never ends does not hold closing up", async () => {
  let written = 0, released = false;
  const never = new Promise<never>(() => {});
  const stream = {
    remote: SERVER,
    read: () => never,
    write: () => {
      written++;
      return never;
    },
    release: () => {
      released = true;
      return Promise.resolve();
    },
  };
  const link = new StreamLink(stream as unknown as ByteStream);
  link.send(new Uint8Array(1200));
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(written, 1);
  await link.close(); // the runner sees it when this never ends: nothing else is under way
  assert.ok(released);
});

Deno.test("TURN over TCP: closing waits for the last word", async () => {
  const sent = Promise.withResolvers<void>(), order: string[] = [];
  const stream = {
    remote: SERVER,
    read: () => new Promise(() => {}),
    write: () => sent.promise.then(() => void order.push("written")),
    release: () => Promise.resolve(void order.push("released")),
  };
  const link = new StreamLink(stream as unknown as ByteStream);
  link.send(new Uint8Array(20));
  const closed = link.close();
  sent.resolve();
  await closed;
  assert.deepEqual(order, ["written", "released"]);
});
