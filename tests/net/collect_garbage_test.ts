import assert from "node:assert/strict";
import { collectGarbage } from "../../lib/net/collect_garbage.ts";
import { acceptQuic, dialQuic, quicCertificate, type SocketAddress } from "../../lib/net/mod.ts";

/** Each has two endpoints of its own. */
const CONNECTIONS = 5;

function openSockets(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) count++;
    } catch { // the descriptor of the listing
    }
  }
  return count;
}

Deno.test({
  name: "sockets of QUIC endpoints that were closed are gone once garbage is collected",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const credentials = await quicCertificate();
    const before = openSockets();
    for (let i = 0; i < CONNECTIONS; i++) await connectAndClose(credentials);
    assert.ok(await collectGarbage());
    // Deno's threads let go of the last of them a moment later.
    for (let tries = 0; tries < 200 && openSockets() > before + CONNECTIONS; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(openSockets() <= before + CONNECTIONS, `${openSockets() - before} left`);
  },
});

async function connectAndClose(
  credentials: Awaited<ReturnType<typeof quicCertificate>>,
): Promise<void> {
  const local = { ip: "127.0.0.1", port: 0 };
  const listening = Promise.withResolvers<SocketAddress>();
  const [far, near] = await Promise.all([
    acceptQuic({ local, credentials, timeoutMs: 5_000, onListening: listening.resolve }),
    listening.promise.then((remote) =>
      dialQuic({ local, remote, sha256: credentials.sha256, timeoutMs: 5_000 })
    ),
  ]);
  await near.write(Uint8Array.of(1));
  await far.read(new Uint8Array(1));
  await Promise.all([near.close(), far.close()]);
}
