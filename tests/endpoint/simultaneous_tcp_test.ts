import assert from "node:assert/strict";
import { openSimultaneously } from "../../lib/endpoint/simultaneous_open.ts";
import { StunConnection } from "../../lib/endpoint/stun_connection.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import {
  type FramedTcp,
  type FramedTcpListener,
  listenFramedTcp,
  NetError,
  random,
  systemClock as clock,
} from "../../lib/net/mod.ts";
import { answerPlainly } from "../support/stun_responder.ts";

const LOOPBACK = "127.0.0.1";
const never = new AbortController().signal;

/** A TCP server for one connection, which answers what it reads. */
async function serving<T>(
  answer: (bytes: Uint8Array, from: SocketAddress) => Uint8Array | undefined,
  use: (server: SocketAddress, hangUp: () => void) => Promise<T>,
): Promise<T> {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  let connection: Deno.TcpConn | undefined;
  const served = (async () => {
    connection = await listener.accept();
    const { hostname: ip, port } = connection.remoteAddr;
    const buffer = new Uint8Array(1500);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      const bytes = answer(buffer.slice(0, count), { ip, port });
      for (const byte of bytes ?? []) await connection.write(Uint8Array.of(byte)); // in pieces
    }
  })().catch(() => {});
  const hangUp = () => {
    try {
      connection?.close();
    } catch { // closed already
    }
  };
  try {
    return await use({ ip: LOOPBACK, port: listener.addr.port }, hangUp);
  } finally {
    listener.close();
    hangUp();
    await served;
  }
}

const options = { local: { ip: LOOPBACK, port: 0 }, clock, random, signal: never };

/** A port that nobody uses. */
function freePort(): number {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  listener.close();
  return listener.addr.port;
}

Deno.test("STUN over TCP: tells the mapped address, and notices its end", async () => {
  const mapped = { ip: "198.51.100.7", port: 61_000 };
  await serving((bytes) => answerPlainly(bytes, mapped), async (server, hangUp) => {
    const connection = await StunConnection.open(server, options);
    assert.deepEqual(connection.mapped, mapped);
    assert.notEqual(connection.local.port, 0);
    assert.equal(connection.isOpen, true);
    hangUp();
    while (connection.isOpen) await new Promise((resolve) => setTimeout(resolve, 1));
    await connection.close();
  });
});

Deno.test("STUN over TCP: another connection may leave from the same port", async () => {
  await serving(answerPlainly, async (server) => {
    const connection = await StunConnection.open(server, options);
    assert.deepEqual(connection.mapped, connection.local);
    const accepted = Promise.withResolvers<FramedTcp>();
    const listener = listenFramedTcp({ ip: LOOPBACK, onConnection: accepted.resolve });
    const path = { transport: "tcp", local: connection.local, remote: listener.local } as const;
    const dialled = await openSimultaneously(path, { timeoutMs: 5_000, signal: never, clock });
    assert.deepEqual(dialled.local, connection.local);
    await Promise.all([dialled.close(), (await accepted.promise).close()]);
    await Promise.all([connection.close(), listener.close()]);
  });
});

Deno.test("STUN over TCP: nonsense, silence after the end and nobody there are errors", async () => {
  for (const nonsense of [new Uint8Array(20), new Uint8Array(40).fill(255)]) {
    await serving(
      () => nonsense,
      (server) => assert.rejects(StunConnection.open(server, options)),
    );
  }
  await assert.rejects(StunConnection.open({ ip: LOOPBACK, port: freePort() }, options), NetError);
});

Deno.test("simultaneous open: a port that refuses at first is dialled again", async () => {
  const remote = { ip: LOOPBACK, port: freePort() };
  const local = { ip: LOOPBACK, port: freePort() };
  const dialling = openSimultaneously({ transport: "tcp", local, remote }, {
    timeoutMs: 10_000,
    signal: never,
    clock,
  });
  const accepted = Promise.withResolvers<FramedTcp>();
  const listening = Promise.withResolvers<FramedTcpListener>();
  clock.setTimer(clock.now() + 50, () => {
    listening.resolve(listenFramedTcp({ ...remote, onConnection: accepted.resolve }));
  });
  const dialled = await dialling;
  assert.deepEqual(dialled.local, local);
  await Promise.all([dialled.close(), (await accepted.promise).close()]);
  await (await listening.promise).close();
});

Deno.test("simultaneous open: ends in time, and when it is aborted", async () => {
  const path = {
    transport: "tcp",
    local: { ip: LOOPBACK, port: freePort() },
    remote: { ip: LOOPBACK, port: freePort() },
  } as const;
  const options = { timeoutMs: 200, signal: never, clock };
  await assert.rejects(openSimultaneously(path, options), { code: "unreachable" });
  const signal = AbortSignal.abort();
  await assert.rejects(openSimultaneously(path, { ...options, signal }), { code: "aborted" });
});
