import assert from "node:assert/strict";
import {
  ConnectError,
  Endpoint,
  type EndpointOptions,
  type TraceEvent,
  type TransportOption,
} from "../../mod.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

/** Nothing may be left when a test ends: no socket, no timer. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

async function start(name: string, options: Partial<EndpointOptions> = {}): Promise<Endpoint> {
  const identity = await throwawayIdentity(name);
  return await Endpoint.start({ identity, interfaces: ["lo"], discovery: false, ...options });
}

async function join(
  other: Endpoint,
  name: string,
  options: Partial<EndpointOptions> = {},
): Promise<Endpoint> {
  return await start(name, { bootstrap: [`127.0.0.1:${other.status().dht.port}`], ...options });
}

const WRONG: [string, Partial<EndpointOptions>, typeof TypeError | typeof RangeError][] = [
  ["a STUN server", { stun: ["not a host"] }, TypeError],
  ["a bootstrap node", { bootstrap: ["127.0.0.1:0"] }, TypeError],
  ["a TURN server's URI", { turn: [{ host: "turn:127.0.0.1" }] }, TypeError],
  ["a TURN server's port", { turn: [{ host: "127.0.0.1", port: -1 }] }, RangeError],
  ["a TURN server's transport", {
    turn: [{ host: "127.0.0.1", transport: "sctp" as "udp" }],
  }, TypeError],
  ["a transport", { transport: "sctp" as TransportOption }, TypeError],
  ["no interface at all", { interfaces: [] }, TypeError],
  ["a port", { port: 65_536 }, RangeError],
  ["no number", { port: NaN }, RangeError],
  ["half a network", { networkId: 0.5 }, RangeError],
  ["fewer than no sessions", { maxSessions: -1 }, RangeError],
  ["fewer than no set-ups", { maxPendingPeers: NaN }, RangeError],
];

for (const [what, options, type] of WRONG) {
  test(`start() refuses ${what}, and has opened nothing`, async () => {
    await assert.rejects(start("a", options), type);
  });
}

test("start() refuses an identity whose parts are not one device's", async () => {
  const [a, b] = [await throwawayIdentity("a"), await throwawayIdentity("b")];
  for (
    const identity of [
      { ...a, chain: b.chain },
      { ...a, chain: [] },
      { ...a, id: b.id },
      { ...a, secretKey: b.secretKey },
    ]
  ) {
    await assert.rejects(start("a", { identity }), { code: "mismatch" });
  }
});

test("a closed endpoint says so, and iterates over nothing", async () => {
  const endpoint = await start("a");
  const { id } = await throwawayIdentity("b");
  await Promise.all([endpoint.close(), endpoint.close()]);
  await assert.rejects(endpoint.listen(), { name: "ConnectError", code: "aborted" });
  await assert.rejects(endpoint.connect(id, "echo"), { name: "ConnectError", code: "aborted" });
  assert.equal(endpoint.status().listening, false);
  assert.equal((await endpoint.accept("echo").next()).done, true);
  assert.equal((await endpoint.incoming().next()).done, true);
});

test("listen() does not claim to have succeeded when the endpoint is closed meanwhile", async () => {
  const endpoint = await start("a");
  const listening = assert.rejects(endpoint.listen(), { name: "ConnectError", code: "aborted" });
  await endpoint.close();
  await listening;
});

test("connect(): a signal that has fired, and a time that is none, count with a session, too", async () => {
  const server = await start("server");
  await server.listen();
  const client = await join(server, "client");
  await assert.rejects(client.connect(server.id, "echo", { timeoutMs: NaN }), RangeError);
  await assert.rejects(client.connect(server.id, "echo", { timeoutMs: -1 }), RangeError);
  await client.connect(server.id, "echo");
  const signal = AbortSignal.abort("not now");
  await assert.rejects(client.connect(server.id, "echo", { signal }), { code: "aborted" });
  await Promise.all([client.close(), server.close()]);
});

test("connect() does not use a session that is being ended", async () => {
  const server = await start("server");
  const channels = server.accept("echo");
  await server.listen();
  const client = await join(server, "client");
  await (await client.connect(server.id, "echo")).opened;
  await assert.rejects(client.disconnect(server.id.slice(1)), { code: "invalid-id" });
  const ended = client.disconnect(server.id);
  const again = await client.connect(server.id, "echo");
  await again.opened;
  await ended;
  await again.write(new TextEncoder().encode("hello"));
  await again.closeWrite();
  await channels.next();
  const { value: channel } = await channels.next();
  assert.equal(await new Response(channel.readable).text(), "hello");
  await Promise.all([client.close(), server.close()]);
});

const STEPS: TraceEvent["type"][] = [
  "gathering",
  "gathered",
  "request",
  "answer",
  "check",
  "nominated",
  "pipe",
];
for (const first of ["client", "server"]) {
  for (const step of STEPS) {
    test(`close(), the ${first}'s first, at the step "${step}" of a call leaves nothing`, async () => {
      const server = await start("server");
      await server.listen();
      const reached = Promise.withResolvers<void>();
      const client = await join(server, "client", {
        trace: ({ type }) => type === step && reached.resolve(),
      });
      const called = client.connect(server.id, "echo").then(() => undefined, (error) => error);
      await reached.promise;
      if (first === "server") await server.close();
      await client.close();
      await server.close();
      const error = await called;
      if (error !== undefined) assert.ok(error instanceof ConnectError, String(error));
    });
  }
}
