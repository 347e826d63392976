import assert from "node:assert/strict";
import {
  acceptQuic,
  bindUdp,
  dialQuic,
  type Pipe,
  type QuicAcceptOptions,
  quicCertificate,
  type QuicDialOptions,
  type SocketAddress,
} from "../../lib/net/mod.ts";
import { readAll } from "./read_all.ts";

const ANY: SocketAddress = { ip: "127.0.0.1", port: 0 };

async function listen(options: Partial<QuicAcceptOptions> = {}) {
  const credentials = await quicCertificate();
  const listening = Promise.withResolvers<SocketAddress>();
  const accepted = acceptQuic({
    local: ANY,
    credentials,
    timeoutMs: 5000,
    onListening: listening.resolve,
    ...options,
  });
  accepted.catch(() => {});
  return { accepted, remote: await listening.promise, sha256: credentials.sha256 };
}

async function connect(
  accept: Partial<QuicAcceptOptions> = {},
  dial: Partial<QuicDialOptions> = {},
): Promise<{ near: Pipe; far: Pipe }> {
  const { accepted, remote, sha256 } = await listen(accept);
  const near = await dialQuic({ local: ANY, remote, sha256, timeoutMs: 5000, ...dial });
  return { near, far: await accepted };
}

Deno.test({
  name: "quic: a dial that was given up before it began leaves nothing, and asks nobody",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const remote = { ip: "127.0.0.1", port: 9 };
    const { sha256 } = await quicCertificate();
    const signal = AbortSignal.abort();
    const dialled = dialQuic({ local: ANY, remote, sha256, timeoutMs: 5000, signal });
    await assert.rejects(dialled, { name: "NetError", code: "aborted" });
  },
});

for (const ip of ["127.0.0.1", "::1"]) {
  Deno.test(`quic ${ip}: bytes both ways, half-close delivers everything`, async () => {
    const local = { ip, port: 0 };
    const { near, far } = await connect({ local }, { local });
    assert.deepEqual(near.remote, far.local);
    assert.deepEqual(far.remote, near.local);
    assert.equal(near.kind, "quic");
    const sent = crypto.getRandomValues(new Uint8Array(65_536));
    const write = async () => {
      for (let i = 0; i < 64; i++) await near.write(sent);
      await near.closeWrite();
    };
    const echo = async () => {
      const bytes = await readAll(far);
      await far.write(bytes);
      await far.closeWrite();
    };
    const [back] = await Promise.all([readAll(near), write(), echo()]);
    assert.equal(back.length, 64 * sent.length);
    for (let i = 0; i < 64; i++) {
      assert.deepEqual(back.subarray(i * sent.length, (i + 1) * sent.length), sent);
    }
    await Promise.all([near.close(), far.close()]);
  });
}

Deno.test("quic: the server may speak first", async () => {
  const { near, far } = await connect();
  await far.write(Uint8Array.of(1, 2, 3));
  const into = new Uint8Array(2);
  assert.equal(await near.read(into), 2);
  assert.equal(await near.read(into), 1);
  assert.equal(into[0], 3);
  await Promise.all([near.close(), far.close()]);
});

Deno.test("quic: closing at once on both sides loses nothing of what was written", async () => {
  const { near, far } = await connect();
  await near.write(new Uint8Array(1_000_000));
  const nearClosed = near.close();
  await far.write(new Uint8Array(500_000));
  const into = new Uint8Array(10_000);
  let got = 0;
  for (let count = 0; count !== null; count = (await far.read(into))!) got += count;
  assert.equal(got, 1_000_000);
  await Promise.all([nearClosed, far.close()]);
});

Deno.test("quic: abort wakes a read under way on both sides", async () => {
  const { near, far } = await connect();
  const reads = [near, far].map((pipe) => pipe.read(new Uint8Array(1)).catch((e) => e.code));
  await near.abort();
  assert.deepEqual(await Promise.all(reads), ["closed", "closed"]);
  await assert.rejects(near.write(new Uint8Array(1)), { code: "closed" });
  await assert.rejects(far.write(new Uint8Array(100_000)), { code: "closed" });
  await far.abort();
});

Deno.test("quic: takes over the port of a UDP socket, both sides, as ICE hands it over", async () => {
  const a = await bindUdp({ ip: "127.0.0.1" }), b = await bindUdp({ ip: "127.0.0.1" });
  const nominated = new Promise<void>((resolve) => b.onDatagram = () => resolve());
  a.send(Uint8Array.of(1), b.local);
  await nominated;
  const answered = new Promise<void>((resolve) => a.onDatagram = () => resolve());
  b.send(Uint8Array.of(2), a.local);
  const credentials = await quicCertificate();
  const [far, near] = await Promise.all([
    b.close().then(() =>
      acceptQuic({ local: b.local, remote: a.local, credentials, timeoutMs: 5000 })
    ),
    answered.then(() => a.close()).then(() =>
      dialQuic({ local: a.local, remote: b.local, sha256: credentials.sha256, timeoutMs: 5000 })
    ),
  ]);
  assert.deepEqual([near.local, near.remote], [a.local, b.local]);
  await near.write(Uint8Array.of(9));
  assert.equal(await far.read(new Uint8Array(1)), 1);
  await Promise.all([near.close(), far.close()]);
});

Deno.test("quic: a dialer that is early gets through", async () => {
  const later = await bindUdp({ ip: "127.0.0.1" }); // holds the port until the listener is ready
  const { sha256 } = await quicCertificate();
  const dialled = dialQuic({ local: ANY, remote: later.local, sha256, timeoutMs: 5000 });
  await new Promise<void>((resolve) => later.onDatagram = () => resolve());
  await later.close();
  const { accepted } = await listen({ local: later.local });
  const [near, far] = await Promise.all([dialled, accepted]);
  await Promise.all([near.close(), far.close()]);
});

Deno.test("quic: another certificate than the pinned one is refused", async () => {
  const controller = new AbortController();
  const { accepted, remote } = await listen({ signal: controller.signal });
  const dial = dialQuic({ local: ANY, remote, sha256: new Uint8Array(32), timeoutMs: 5000 });
  await assert.rejects(dial, { code: "unreachable" });
  controller.abort();
  await assert.rejects(accepted, { code: "aborted" });
});

Deno.test("quic: a stranger's connection does not take the place of the peer's", async () => {
  const peer = await bindUdp({ ip: "127.0.0.1" });
  const { accepted, remote, sha256 } = await listen({ remote: peer.local });
  const stranger = dialQuic({ local: ANY, remote, sha256, timeoutMs: 5000 });
  const strange = (await stranger).read(new Uint8Array(1)).catch((e) => e.code);
  await peer.close();
  const near = await dialQuic({ local: peer.local, remote, sha256, timeoutMs: 5000 });
  const far = await accepted;
  assert.deepEqual(far.remote, peer.local);
  assert.ok([null, "closed"].includes(await strange));
  await Promise.all([near.close(), far.close(), (await stranger).abort()]);
});

Deno.test("quic: nobody there ends in a time-out, an abort ends at once", async () => {
  const { accepted } = await listen({ timeoutMs: 20 });
  await assert.rejects(accepted, { code: "timeout" });
  const { sha256 } = await quicCertificate();
  const remote = { ip: "127.0.0.1", port: 9 };
  await assert.rejects(dialQuic({ local: ANY, remote, sha256, timeoutMs: 20 }), {
    code: "timeout",
  });
  const signal = AbortSignal.abort();
  await assert.rejects(dialQuic({ local: ANY, remote, sha256, timeoutMs: 5000, signal }), {
    code: "aborted",
  });
  const taken = await bindUdp({ ip: "127.0.0.1" });
  await assert.rejects(dialQuic({ local: taken.local, remote, sha256, timeoutMs: 5000 }), {
    code: "bind",
  });
  await taken.close();
});

Deno.test("quic: without --unstable-net the error says what to do, UDP works all the same", async () => {
  const mod = new URL("../../lib/net/mod.ts", import.meta.url).href;
  const code = `
    import { bindUdp, dialQuic, hasDenoDatagrams, hasQuic } from "${mod}";
    if (hasQuic() || hasDenoDatagrams()) throw new Error("the flag is on");
    const a = await bindUdp({ ip: "127.0.0.1" });
    const got = new Promise((resolve) => a.onDatagram = (bytes) => resolve(bytes[0]));
    a.send(Uint8Array.of(7), a.local);
    const error = await dialQuic({
      local: { ip: "127.0.0.1", port: 0 }, remote: a.local, sha256: new Uint8Array(32), timeoutMs: 9,
    }).catch((e) => e);
    console.log(await got, error.name, error.code, error.message);
    await a.close();`;
  const child = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-lock", code],
    env: { DENO_UNSTABLE_NET: "0" },
  }).output();
  assert.equal(
    new TextDecoder().decode(child.stdout).trim(),
    "7 TransportUnavailableError unavailable QUIC is not available: start Deno with " +
      "--unstable-net, or use TCP",
    new TextDecoder().decode(child.stderr),
  );
});

Deno.test("quic: a pipe holds no more for its reads than they ask for", async (t) => {
  const sizes: number[] = [];
  const proto = ReadableStreamBYOBReader.prototype;
  const read = proto.read;
  proto.read = function (this: ReadableStreamBYOBReader, view, options) {
    sizes.push(view.byteLength);
    return read.call(this, view, options);
  } as typeof read;
  try {
    const { near, far } = await connect();
    for (const [asked, held] of [[4_096, 4_096], [1 << 20, 262_144], [4_096, 4_096]] as const) {
      await t.step(`${asked} bytes`, async () => {
        sizes.length = 0;
        const reading = far.read(new Uint8Array(asked));
        await near.write(Uint8Array.of(1));
        assert.equal(await reading, 1);
        assert.deepEqual(sizes, [held]);
      });
    }
    await Promise.all([near.close(), far.close()]);
  } finally {
    proto.read = read;
  }
});

Deno.test("quic: a client that comes in the moment in which another one wins does no harm", async () => {
  // It is there, and will be heard of when the other one has won: then Deno panicked.
  const proto = Deno.QuicEndpoint.prototype;
  const original = proto.listen;
  const won = Promise.withResolvers<void>(), heard = Promise.withResolvers<void>();
  proto.listen = function (options) {
    const listener = original.call(this, options);
    const incoming = listener.incoming.bind(listener);
    let isFirst = true;
    listener.incoming = async () => {
      const next = await incoming();
      if (isFirst) isFirst = false;
      else {
        await won.promise;
        queueMicrotask(() => queueMicrotask(heard.resolve));
      }
      return next;
    };
    return listener;
  };
  try {
    const { accepted, remote, sha256 } = await listen();
    const given = new AbortController();
    const { signal } = given;
    const dial = () => dialQuic({ local: ANY, remote, sha256, timeoutMs: 5000, signal });
    const near = await dial();
    const late = dial();
    late.catch(() => {});
    const far = await accepted;
    won.resolve();
    await heard.promise;
    given.abort();
    await assert.rejects(late);
    await Promise.all([near.close(), far.close()]);
  } finally {
    proto.listen = original;
  }
});
