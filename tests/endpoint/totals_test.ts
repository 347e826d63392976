import assert from "node:assert/strict";
import { ConnectError, Endpoint, type EndpointOptions } from "../../mod.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

async function start(name: string, options: Partial<EndpointOptions>): Promise<Endpoint> {
  const identity = await throwawayIdentity(name);
  return await Endpoint.start({ identity, interfaces: ["lo"], discovery: false, ...options });
}

Deno.test("the totals count calls, sessions, refusals and bytes, also of what is over", async () => {
  let admits = true;
  await using server = await start("server", {
    transport: "tcp",
    authorize: () => admits ? undefined : "not now",
  });
  const channels = server.accept("greeting");
  (async () => {
    for await (const channel of channels) await channel.closeWrite();
  })();
  await server.listen();
  const bootstrap = [`127.0.0.1:${server.status().dht.port}`];
  await using client = await start("client", { transport: "tcp", bootstrap });
  const channel = await client.connect(server.id, "greeting");
  await new Response(channel.readable).text();
  const during = client.status().totals;
  assert.deepEqual([during.outgoing, during.incoming, during.failedCalls], [1, 0, 0]);
  assert.ok(during.bytesSent > 0 && during.bytesReceived > 0);
  await client.disconnect(server.id);
  const after = client.status().totals;
  assert.ok(after.bytesSent >= during.bytesSent && after.bytesReceived >= during.bytesReceived);
  admits = false;
  await assert.rejects(client.connect(server.id, "greeting"), ConnectError);
  assert.equal(client.status().totals.failedCalls, 1);
  const { incoming, outgoing, refused } = server.status().totals;
  assert.deepEqual([incoming, outgoing, refused], [1, 0, { policy: 1 }]);
  const { received, sent } = server.status().dht;
  assert.ok(received > 0 && sent > 0);
});

Deno.test("a peer with the certificate of another is counted as refused", async () => {
  await using server = await start("server", {});
  await server.listen();
  const identity = { ...await throwawayIdentity("client") };
  await using client = await start("client", {
    identity,
    bootstrap: [`127.0.0.1:${server.status().dht.port}`],
  });
  identity.chain = (await throwawayIdentity("other")).chain; // start() would have refused it
  await assert.rejects(client.connect(server.id, "greeting"), ConnectError);
  assert.deepEqual(server.status().totals.refused, { certificate: 1 });
});
