import assert from "node:assert/strict";
import type { DatagramPort } from "../../lib/endpoint/datagram_port.ts";
import { ReflexiveAddresses } from "../../lib/endpoint/reflexive_addresses.ts";
import { formatSocketAddress, type SocketAddress } from "../../lib/ip/mod.ts";
import { type Clock, random } from "../../lib/net/mod.ts";
import { answerPlainly } from "../support/stun_responder.ts";

const SERVER = { ip: "192.0.2.1", port: 3478 };
/** Nothing here waits: what is late is late for ever. */
const clock: Clock = { now: () => 0, wallClock: () => 0, setTimer: () => ({ cancel() {} }) };

/** A port that keeps what is sent. */
function port(ip: string, number = 4000) {
  const sent: { bytes: Uint8Array; to: SocketAddress }[] = [];
  const local = { ip, port: number };
  const send = (bytes: Uint8Array, to: SocketAddress) => void sent.push({ bytes, to });
  return { local, send, sent, onDatagram: () => {}, close: () => Promise.resolve() };
}

/** Addresses with what they have found, one line each. */
function reflexive(
  publicIp: () => Promise<string | undefined>,
  stunServers: readonly SocketAddress[] = [],
) {
  const found: string[] = [];
  const addresses = new ReflexiveAddresses({
    stunServers,
    publicIp,
    clock,
    random,
    onFound: (port: DatagramPort, mapped, server) =>
      found.push(
        `${formatSocketAddress(port.local)} ${formatSocketAddress(mapped)} ${server}`,
      ),
    onMoved: () => found.push("moved"),
  });
  return { addresses, found };
}

Deno.test("reflexive addresses: without STUN, the IP that the DHT sees with the port's own number", async () => {
  const { addresses, found } = reflexive(() => Promise.resolve("198.51.100.7"));
  const ports = [port("10.0.0.2"), port("198.51.100.9"), port("127.0.0.1"), port("fd00::1")];
  const asked = addresses.ask(ports, false);
  assert.equal(asked.length, 1);
  await asked[0];
  assert.deepEqual(found, [], "a server may still answer");
  addresses.guess(ports);
  assert.deepEqual(found, ["10.0.0.2:4000 198.51.100.7:4000 dht"]);
});

Deno.test("reflexive addresses: the DHT is not waited for where there is nothing to guess", () => {
  const { addresses } = reflexive(() => Promise.resolve("198.51.100.7"));
  assert.deepEqual(addresses.ask([port("127.0.0.1"), port("2001:db8::1")], false), []);
});

Deno.test("reflexive addresses: a DHT that is late gives a late address; a few ports are enough", async () => {
  const seen = Promise.withResolvers<string>();
  const { addresses, found } = reflexive(() => seen.promise);
  const ports = Array.from({ length: 8 }, (_, i) => port(`10.0.${i}.2`));
  const asked = addresses.ask(ports, false);
  addresses.guess(ports);
  assert.deepEqual(found, []);
  seen.resolve("198.51.100.7");
  await Promise.all(asked);
  assert.equal(found.length, 4);
});

Deno.test("reflexive addresses: an answer makes the guess needless, and corrects it", async () => {
  const { addresses, found } = reflexive(() => Promise.resolve("198.51.100.7"), [SERVER]);
  const asked = port("10.0.0.2"), silent = port("10.0.0.3");
  const ports = [asked, silent];
  addresses.ask(ports, false);
  await Promise.resolve();
  const answer = (at: ReturnType<typeof port>, mapped: SocketAddress) => {
    const { bytes, to } = at.sent.find(({ to }) => to.port === SERVER.port)!;
    assert.equal(addresses.take(at, answerPlainly(bytes, mapped)!, to), true);
  };
  answer(asked, { ip: "198.51.100.7", port: 61_000 });
  addresses.guess(ports);
  answer(silent, { ip: "198.51.100.7", port: 61_001 });
  assert.deepEqual(found, [
    "10.0.0.2:4000 198.51.100.7:61000 192.0.2.1:3478",
    "10.0.0.3:4000 198.51.100.7:4000 dht",
    "10.0.0.3:4000 198.51.100.7:61001 192.0.2.1:3478",
  ]);
});

Deno.test("reflexive addresses: another public IP than before makes what was guessed stale", async () => {
  let ip = "198.51.100.7";
  const { addresses, found } = reflexive(() => Promise.resolve(ip));
  const ports = [port("10.0.0.2")];
  await Promise.all(addresses.ask(ports, false));
  addresses.guess(ports);
  await Promise.all(addresses.ask(ports, false));
  ip = "198.51.100.8";
  await Promise.all(addresses.ask(ports, false));
  assert.deepEqual(found, [
    "10.0.0.2:4000 198.51.100.7:4000 dht",
    "moved",
    "10.0.0.2:4000 198.51.100.8:4000 dht",
  ]);
});

Deno.test("reflexive addresses: nothing is said after the end", async () => {
  const seen = Promise.withResolvers<string>();
  const { addresses, found } = reflexive(() => seen.promise);
  const ports = [port("10.0.0.2")];
  const asked = addresses.ask(ports, false);
  addresses.guess(ports);
  addresses.close();
  seen.resolve("198.51.100.7");
  await Promise.all(asked);
  assert.deepEqual(found, []);
});
