import assert from "node:assert/strict";
import {
  DirectCarrier,
  type DirectCarrierOptions,
  type DirectListener,
  exchange,
  MAX_DIRECT_CONNECTIONS_PER_IP,
  MAX_SEALED_BYTES,
  parseDirectAddress,
  type RequestReceiver,
} from "../../../lib/endpoint/signalling/mod.ts";
import { dial, listen, OFFER, rejectsCode, setting } from "./signalling_setting.ts";

const LOOPBACK = { ip: "127.0.0.1", port: 0 };

/** Listens on loopback for the length of a test. */
async function withListener(
  onRequest: RequestReceiver,
  test: (dialer: DirectCarrier, listener: DirectListener) => Promise<void>,
  options: DirectCarrierOptions = {},
): Promise<void> {
  const listener = await new DirectCarrier({ local: LOOPBACK, ...options }).listen("id", onRequest);
  const remote = { host: listener.local.ip, port: listener.local.port };
  try {
    await test(new DirectCarrier({ remote, ...options }), listener);
  } finally {
    await listener.close();
  }
}

async function rawConnection(listener: DirectListener): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: listener.local.ip, port: listener.local.port });
}

/** Reads to the end; what a reset cut off counts as the end. */
async function readAll(connection: Deno.TcpConn): Promise<Uint8Array> {
  const parts: number[] = [];
  const buffer = new Uint8Array(4096);
  try {
    for (let n; (n = await connection.read(buffer)) !== null;) parts.push(...buffer.subarray(0, n));
  } catch { /* reset */ }
  connection.close();
  return Uint8Array.from(parts);
}

Deno.test("id@host:port is read, and nothing like it", () => {
  const id = "cd".repeat(32);
  const good: [string, string, number][] = [
    ["192.0.2.1:4222", "192.0.2.1", 4222],
    ["[2001:db8::1]:1", "2001:db8::1", 1],
    ["peer.example.org:65535", "peer.example.org", 65_535],
  ];
  for (const [address, host, port] of good) {
    assert.deepEqual(parseDirectAddress(`${id}@${address}`), { id, host, port });
    assert.deepEqual(parseDirectAddress(`${id.toUpperCase()}@${address}`), { id, host, port });
  }
  const bad = [
    "",
    id,
    `${id}@`,
    `${id}@host`,
    `${id}@host:0`,
    `${id}@host:65536`,
    `${id}@2001:db8::1:4222`,
    `${id}@[host]:1`,
    `${id}@a b:1`,
    `${id}@host:1 `,
    `${id.slice(1)}@host:1`,
    `user@${id}@host:1`,
  ];
  for (const text of bad) assert.equal(parseDirectAddress(text), undefined, text);
});

Deno.test("a dial through TCP", async () => {
  const { alice, bob, mallory } = await setting();
  const listening = listen(bob);
  const sources: string[] = [];
  const onRequest: RequestReceiver = async (sealed, reply, source) => {
    sources.push(source);
    const request = await listening.readRequest(sealed, { source, now: 0 }).catch(() => undefined);
    reply(request?.accept(OFFER).sealed ?? new Uint8Array(0));
  };
  await withListener(onRequest, async (carrier) => {
    const answer = await exchange(carrier, dial(alice, bob.id));
    assert.equal(answer.kind, "accepted");
    assert.deepEqual(sources, ["127.0.0.1"]);
    // At this address is bob, not mallory.
    const wrong = await rejectsCode(exchange(carrier, dial(alice, mallory.id)), "unreadable");
    assert.match(wrong.message, /127\.0\.0\.1:\d+ is not the device that was dialled/);
  });
});

Deno.test("messages of every size up to the longest pass, one byte more does not", async () => {
  await withListener((sealed, reply) => reply(sealed), async (carrier) => {
    for (const length of [0, 1, 1_500, MAX_SEALED_BYTES]) {
      const sealed = new Uint8Array(length).fill(length);
      assert.deepEqual(await carrier.request("id", sealed), sealed);
    }
    await rejectsCode(carrier.request("id", new Uint8Array(MAX_SEALED_BYTES + 1)), "unreachable");
  });
  const tooLong = new Uint8Array(MAX_SEALED_BYTES + 1);
  await withListener((_, reply) => reply(tooLong), async (carrier) => {
    await rejectsCode(carrier.request("id", new Uint8Array(1)), "oversize");
  });
});

Deno.test("a message in single bytes is put together", async () => {
  await withListener((sealed, reply) => reply(sealed), async (_carrier, listener) => {
    const connection = await rawConnection(listener);
    for (const byte of [0, 3, 7, 8, 9]) await connection.write(Uint8Array.of(byte));
    assert.deepEqual(await readAll(connection), Uint8Array.of(0, 3, 7, 8, 9));
  });
});

Deno.test("nobody there, nothing configured, a port in use: unreachable", async () => {
  let port = 0;
  await withListener(() => {}, async (_carrier, listener) => {
    port = listener.local.port;
    const local = { ip: "127.0.0.1", port };
    await rejectsCode(new DirectCarrier({ local }).listen("id", () => {}), "unreachable");
  });
  const remote = { host: "127.0.0.1", port };
  const error = await rejectsCode(
    new DirectCarrier({ remote }).request("id", new Uint8Array(1)),
    "unreachable",
  );
  assert.match(error.message, new RegExp(`no connection to 127\\.0\\.0\\.1:${port}: .*refused`));
  await rejectsCode(new DirectCarrier({}).request("id", new Uint8Array(1)), "unreachable");
  await rejectsCode(new DirectCarrier({}).listen("id", () => {}), "unreachable");
});

Deno.test("a listener that does not answer in time", async () => {
  await withListener(() => {}, async (carrier) => {
    await rejectsCode(carrier.request("id", new Uint8Array(1)), "timeout", "unreachable");
  }, { answerTimeoutMs: 20 });
  // The dialer's patience alone.
  await withListener(() => {}, async (_carrier, listener) => {
    const remote = { host: listener.local.ip, port: listener.local.port };
    const impatient = new DirectCarrier({ remote, answerTimeoutMs: 20 });
    await rejectsCode(impatient.request("id", new Uint8Array(1)), "timeout");
  });
});

Deno.test("a dialer that sends nothing, half a message or too much is dropped", async () => {
  let requests = 0;
  await withListener(() => requests++, async (_carrier, listener) => {
    for (const bytes of [[], [0], [0, 9, 1, 2], [0xff, 0xff]]) {
      const connection = await rawConnection(listener);
      await connection.write(Uint8Array.from(bytes));
      assert.equal((await readAll(connection)).length, 0);
    }
  }, { requestTimeoutMs: 20 });
  assert.equal(requests, 0);
});

Deno.test("an abort ends the wait at once, before and during it", async () => {
  const arrived = Promise.withResolvers<void>();
  await withListener(() => arrived.resolve(), async (carrier) => {
    const abort = new AbortController();
    const waiting = carrier.request("id", new Uint8Array(1), { signal: abort.signal });
    await arrived.promise;
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(
      carrier.request("id", new Uint8Array(1), { signal: abort.signal }),
      /enough/,
    );
  });
});

Deno.test("closing the listener ends its connections and frees the port", async () => {
  const arrived = Promise.withResolvers<void>();
  const listener = await new DirectCarrier({ local: LOOPBACK }).listen("id", () => {
    arrived.resolve();
  });
  const { ip, port } = listener.local;
  const carrier = new DirectCarrier({ remote: { host: ip, port } });
  const waiting = rejectsCode(carrier.request("id", new Uint8Array(1)), "unreachable");
  await arrived.promise;
  await listener.close();
  await waiting;
  const again = await new DirectCarrier({ local: { ip, port } }).listen("id", () => {});
  assert.equal(again.local.port, port);
  await again.close();
});

Deno.test("one address cannot hold all connections", async () => {
  await withListener((sealed, reply) => reply(sealed), async (_carrier, listener) => {
    const held: Deno.TcpConn[] = [];
    for (let i = 0; i < MAX_DIRECT_CONNECTIONS_PER_IP; i++) {
      held.push(await rawConnection(listener));
    }
    assert.equal((await readAll(await rawConnection(listener))).length, 0);
    // Those that were there first are served all the same.
    for (const connection of held) {
      await connection.write(Uint8Array.of(0, 1, 9));
      assert.deepEqual(await readAll(connection), Uint8Array.of(0, 1, 9));
    }
  });
});
