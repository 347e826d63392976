/**
 * Reach any device by knowing only its public key.
 *
 * An {@linkcode Endpoint} finds its peers in a DHT, gets through NATs with ICE, proves who is there
 * in a Noise handshake that carries X.509 certificates, and talks over named channels. Each layer
 * can be used alone: see the `dht`, `ice`, `stun`, `noise`, `session`, `identity` and `net` exports.
 *
 * @example A device that serves, and one that calls it
 * ```ts
 * import { Endpoint } from "@dhtnet/dhtnet";
 * import { createAuthority, createDevice } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 *
 * const authority = await createAuthority("my devices");
 * const here = { interfaces: ["lo"], discovery: false };
 * await using server = await Endpoint.start({
 *   ...here,
 *   identity: await createDevice("server", authority),
 * });
 * const clock = server.accept("time");
 * await server.listen();
 * const serving = (async () => {
 *   for await (const channel of clock) {
 *     await channel.write(new TextEncoder().encode(new Date().toISOString()));
 *     channel.close();
 *     break;
 *   }
 * })();
 *
 * await using client = await Endpoint.start({
 *   ...here,
 *   identity: await createDevice("client", authority),
 *   bootstrap: [`127.0.0.1:${server.status().dht.port}`],
 * });
 * const channel = await client.connect(server.id, "time");
 * assert.match(await new Response(channel.readable).text(), /^\d{4}-/);
 * await serving;
 * ```
 *
 * @module
 */
export * from "./lib/endpoint/mod.ts";
export type { Identity } from "./lib/identity/mod.ts";
export { loadOrCreateIdentity } from "./lib/identity/mod.ts";
export { Channel, ChannelError, type ChannelErrorCode } from "./lib/session/mod.ts";
