import assert from "node:assert/strict";
import type { PeerLink } from "../../cmd/dnc/forward/peer_link.ts";
import type { StreamConnection } from "../../cmd/dnc/relay.ts";
import { serveSocks } from "../../cmd/dnc/socks/serve_socks.ts";
import { encodeReply, SocksReply } from "../../cmd/dnc/socks/socks5.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { MemoryChannel } from "../support/memory_channel.ts";
import { SimulatedTimers } from "../support/simulated_timers.ts";

const GREETING = [5, 1, 0];
const REQUEST = [5, 1, 0, 1, 192, 0, 2, 1, 0, 80];

/** A client that has sent this and waits; what is written to it goes through `write`. */
function client(sent: readonly number[], write: (bytes: Uint8Array) => number) {
  let left = Uint8Array.from(sent);
  const closed = Promise.withResolvers<void>();
  const connection = {
    async read(into: Uint8Array) {
      if (left.length === 0) await closed.promise;
      const count = Math.min(into.length, left.length);
      into.set(left.subarray(0, count));
      left = left.slice(count);
      return count === 0 ? null : count;
    },
    write: (bytes: Uint8Array) => Promise.resolve().then(() => write(bytes)),
    close: () => closed.resolve(),
  } as unknown as StreamConnection;
  return { connection, closed: closed.promise };
}

function linkOf(channel: MemoryChannel): PeerLink {
  return { open: () => Promise.resolve(channel) } as unknown as PeerLink;
}

Deno.test("SOCKS5: a client that is gone when its target is reached keeps no channel", async () => {
  const succeeded = encodeReply(SocksReply.succeeded);
  const { connection, closed } = client([...GREETING, ...REQUEST], (bytes) => {
    if (bytes.length === succeeded.length) throw new Deno.errors.ConnectionReset("gone");
    return bytes.length;
  });
  const [channel] = MemoryChannel.pair("x", Promise.resolve());
  await assert.rejects(serveSocks(connection, linkOf(channel)), Deno.errors.ConnectionReset);
  await closed;
  assert.equal(channel.ending, "reset");
});

Deno.test("SOCKS5: a peer that aborts before the first bytes has its client closed", async () => {
  const { connection, closed } = client(
    [...GREETING, ...REQUEST, 1, 2, 3],
    (bytes) => bytes.length,
  );
  const [channel, theirs] = MemoryChannel.pair("x", Promise.resolve());
  theirs.reset();
  await assert.rejects(serveSocks(connection, linkOf(channel)), { code: "reset" });
  await closed;
  assert.equal(channel.ending, "reset");
});

Deno.test("SOCKS5: a client that says nothing is closed, and the notice says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const connection = await listener.accept();
  using timers = new SimulatedTimers();
  const served = assert.rejects(serveSocks(connection, {} as PeerLink), {
    message: "a SOCKS client has not said within 10 s where it wants to go",
  });
  await timers.pass(10_000);
  await served;
  assert.equal(await silent.read(new Uint8Array(1)), null);
});

Deno.test("SOCKS5: a client that has gone does not hide why its target was not reached", async () => {
  const { connection, closed } = client([...GREETING, ...REQUEST], (bytes) => {
    if (bytes.length > 2) throw new Deno.errors.BrokenPipe("gone");
    return bytes.length;
  });
  const away = { open: () => Promise.reject(new ConnectError("unreachable", "nobody there")) };
  await assert.rejects(serveSocks(connection, away as unknown as PeerLink), {
    message: "nobody there",
  });
  await closed;
});

Deno.test("SOCKS5: a name with the dot at its end is that name", async () => {
  const name = [...new TextEncoder().encode("example.org.")];
  const { connection } = client(
    [...GREETING, 5, 1, 0, 3, name.length, ...name, 0, 80],
    (bytes) => bytes.length,
  );
  const asked: string[] = [];
  const open = (channel: string) => {
    asked.push(channel);
    return Promise.reject(new ConnectError("unreachable", "nobody there"));
  };
  await assert.rejects(serveSocks(connection, { open } as unknown as PeerLink));
  assert.deepEqual(asked, ["nc://example.org:80"]);
});
