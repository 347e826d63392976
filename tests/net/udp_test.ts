import assert from "node:assert/strict";
import { bindUdp, NetError, type UdpSocket } from "../../lib/net/mod.ts";

function next(socket: UdpSocket): Promise<{ bytes: Uint8Array; ip: string; port: number }> {
  return new Promise((resolve) => {
    socket.onDatagram = (bytes, { ip, port }) => resolve({ bytes, ip, port });
  });
}

for (const api of ["deno", "node"] as const) {
  for (const ip of ["127.0.0.1", "::1"]) {
    Deno.test(`udp ${api} ${ip}: datagrams both ways, with the sender's address`, async () => {
      const a = await bindUdp({ ip, api }), b = await bindUdp({ ip, api });
      const atB = next(b);
      a.send(Uint8Array.of(1, 2, 3), b.local);
      const got = await atB;
      assert.deepEqual([...got.bytes], [1, 2, 3]);
      assert.deepEqual({ ip: got.ip, port: got.port }, { ...a.local });
      const atA = next(a);
      b.send(new Uint8Array(1400), got);
      assert.equal((await atA).bytes.length, 1400);
      await Promise.all([a.close(), b.close()]);
    });
  }

  Deno.test(`udp ${api}: the port is free when close resolves, also to close twice`, async () => {
    const first = await bindUdp({ ip: "127.0.0.1", api });
    const { port } = first.local;
    await assert.rejects(bindUdp({ ip: "127.0.0.1", port, api }), { code: "bind" });
    for (let i = 0; i < 10; i++) {
      const socket = i === 0 ? first : await bindUdp({ ip: "127.0.0.1", port, api });
      socket.send(Uint8Array.of(1), { ip: "127.0.0.1", port });
      await Promise.all([socket.close(), socket.close()]);
    }
  });

  Deno.test(`udp ${api}: unsendable datagrams are counted and harm nothing`, async () => {
    const a = await bindUdp({ ip: "127.0.0.1", api }), b = await bindUdp({ ip: "127.0.0.1", api });
    const dead = await bindUdp({ ip: "127.0.0.1", api });
    await dead.close();
    a.send(Uint8Array.of(1), dead.local); // answered by ICMP
    a.send(new Uint8Array(70_000), b.local);
    a.send(Uint8Array.of(1), { ip: "::1", port: b.local.port });
    a.send(Uint8Array.of(1), { ip: "127.0.0.1", port: 0 });
    a.send(Uint8Array.of(1), { ip: "127.0.0.1", port: 70_000 });
    const arrived = next(b);
    a.send(Uint8Array.of(9), b.local);
    assert.deepEqual([...(await arrived).bytes], [9]);
    const echo = next(a);
    b.send(Uint8Array.of(8), a.local);
    assert.deepEqual([...(await echo).bytes], [8]);
    assert.equal(a.stats.dropped, 4);
    assert.equal(b.stats.received, 1);
    await Promise.all([a.close(), b.close()]);
    a.send(Uint8Array.of(1), b.local);
    assert.equal(a.stats.dropped, 5);
  });

  Deno.test(`udp ${api}: the caller may reuse its buffer, the callee may keep its bytes`, async () => {
    const a = await bindUdp({ ip: "127.0.0.1", api }), b = await bindUdp({ ip: "127.0.0.1", api });
    const got: Uint8Array[] = [];
    const three = new Promise<void>((resolve) => {
      b.onDatagram = (bytes) => void (got.push(bytes) === 3 && resolve());
    });
    const buffer = new Uint8Array(4);
    for (let i = 1; i <= 3; i++) a.send(buffer.fill(i), b.local);
    await three;
    assert.deepEqual(got.map((bytes) => bytes[0]), [1, 2, 3]);
    await Promise.all([a.close(), b.close()]);
  });
}

Deno.test("udp: both wildcards can have one port", async () => {
  const v4 = await bindUdp({ ip: "0.0.0.0" });
  const v6 = await bindUdp({ ip: "::", port: v4.local.port });
  const sender = await bindUdp({ ip: "::1" });
  const arrived = next(v6);
  sender.send(Uint8Array.of(5), { ip: "::1", port: v6.local.port });
  assert.equal((await arrived).ip, "::1");
  await Promise.all([v4.close(), v6.close(), sender.close()]);
});

Deno.test("udp: an address that is not ours cannot be bound", async () => {
  for (const api of ["deno", "node"] as const) {
    await assert.rejects(bindUdp({ ip: "203.0.113.7", api }), NetError);
  }
});
