import assert from "node:assert/strict";
import fc from "fast-check";
import {
  punchFromManySockets,
  type PunchOptions,
  punchRole,
  punchToManyPorts,
  type PunchView,
} from "../../lib/endpoint/punch.ts";
import { decodePunchMessage, encodePunchMessage } from "../../lib/endpoint/punch_view.ts";
import { bindUdp, random, systemClock } from "../../lib/net/mod.ts";

const KEY = new Uint8Array(32).fill(7);

function options(signal: AbortSignal, key: Uint8Array = KEY): PunchOptions {
  return { key, clock: systemClock, random, signal };
}

function view(mapping: PunchView["mapping"]): PunchView {
  return { mapping, mapped: { ip: "192.0.2.1", port: 4000 } };
}

Deno.test("punching is for one dependent and one independent mapping", () => {
  const [dependent, independent] = [view("dependent"), view("independent")];
  assert.equal(punchRole(dependent, independent), "many-sockets");
  assert.equal(punchRole(independent, dependent), "many-ports");
  for (const one of [undefined, view("unknown"), dependent, independent]) {
    assert.equal(punchRole(one, one), undefined);
    assert.equal(punchRole(one, undefined), undefined);
    assert.equal(punchRole(one, view("unknown")), undefined);
  }
});

Deno.test("many sockets and many ports meet, and agree on the path", async () => {
  const giveUp = new AbortController();
  const port = await bindUdp({ ip: "127.0.0.1" });
  const [socket, remote] = await Promise.all([
    punchFromManySockets("127.0.0.1", port.local, options(giveUp.signal)),
    punchToManyPorts(port, "127.0.0.1", options(giveUp.signal)),
  ]);
  assert.deepEqual(remote, socket.local);
  await Promise.all([socket.close(), port.close()]);
});

Deno.test("strangers with another key do not meet, and nothing is left open", async () => {
  const giveUp = new AbortController();
  const port = await bindUdp({ ip: "127.0.0.1" });
  const other = new Uint8Array(32).fill(8);
  const attempts = [
    punchFromManySockets("127.0.0.1", port.local, options(giveUp.signal)),
    punchToManyPorts(port, "127.0.0.1", options(giveUp.signal, other)),
  ];
  const outcome = Promise.allSettled(attempts);
  setTimeout(() => giveUp.abort(), 200);
  for (const { status } of await outcome) assert.equal(status, "rejected");
  await port.close();
});

Deno.test("a view of a NAT survives its encoding", () => {
  const token = new Uint8Array(16).fill(1);
  for (const mapping of ["unknown", "independent", "dependent"] as const) {
    const message = { token, view: { ...view(mapping), mapped: { ip: "2001:db8::1", port: 9 } } };
    assert.deepEqual(decodePunchMessage(encodePunchMessage(message)), message);
  }
  const none = { token, view: undefined };
  assert.deepEqual(decodePunchMessage(encodePunchMessage(none)), none);
});

Deno.test("garbage is no view of a NAT, and nothing worse", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      decodePunchMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }));
});
