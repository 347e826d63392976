import assert from "node:assert/strict";
import { dialTls } from "../../lib/endpoint/relay/tls_stream.ts";
import { TurnError } from "../../lib/turn/mod.ts";

/** A server that takes connections and never says anything, until `test` is over. */
async function withSilentServer(test: (port: number, taken: Promise<void>) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const taken = Promise.withResolvers<void>();
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      // What has come is the client's part of the handshake: it waits for ours.
      await connection.read(new Uint8Array(2_000));
      taken.resolve();
    }
  })();
  try {
    await test(listener.addr.port, taken.promise);
  } finally {
    listener.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
}

function dial(port: number, signal: AbortSignal) {
  const options = { serverName: "localhost", caCertificates: [], localIp: undefined, signal };
  return dialTls({ ip: "127.0.0.1", port }, options);
}

Deno.test("TURN over TLS: an abort ends a handshake that the server does not answer", async () => {
  await withSilentServer(async (port, taken) => {
    const stop = new AbortController();
    const dialled = dial(port, stop.signal);
    dialled.catch(() => {});
    await taken;
    stop.abort();
    await assert.rejects(dialled, (error) => error instanceof TurnError);
  });
});

Deno.test("TURN over TLS: an abort at any step of dialling ends it", async () => {
  await withSilentServer(async (port) => {
    for (let steps = 0; steps < 12; steps++) {
      const stop = new AbortController();
      const dialled = dial(port, stop.signal);
      dialled.catch(() => {});
      for (let step = 0; step < steps; step++) await new Promise((go) => setTimeout(go));
      stop.abort();
      await assert.rejects(dialled, (error) => error instanceof TurnError, `after ${steps} turns`);
    }
  });
});
