import assert from "node:assert/strict";
import { Endpoint, type TransportOption } from "../../lib/endpoint/mod.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

async function connected(
  transport: TransportOption,
  test: (near: Endpoint, far: Endpoint) => Promise<void>,
): Promise<void> {
  const local = { interfaces: ["lo"], discovery: false, portMapping: false, transport };
  await using far = await Endpoint.start({ ...local, identity: await throwawayIdentity("far") });
  await using near = await Endpoint.start({
    ...local,
    identity: await throwawayIdentity("near"),
    bootstrap: [`127.0.0.1:${far.status().dht.port}`],
  });
  const echo = far.accept("x");
  await far.listen();
  const channel = await near.connect(far.id, "x");
  const { value } = await echo.next();
  // The path that lasts is in use once bytes have gone over it both ways.
  await channel.opened;
  while (near.status().sessions[0]?.path?.kind === "udp") {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  try {
    await test(near, far);
  } finally {
    channel.close();
    value!.close();
  }
}

function next(port: { onDatagram: (bytes: Uint8Array) => void }): Promise<Uint8Array> {
  return new Promise((resolve) => port.onDatagram = resolve);
}

Deno.test("datagrams: both ways beside the channels, by name", async () => {
  await connected("quic", async (near, far) => {
    const here = near.datagrams(far.id, "game");
    const there = far.datagrams(near.id, "game");
    const other = far.datagrams(near.id, "voice");
    other.onDatagram = () => assert.fail("that was for another name");
    assert.throws(() => far.datagrams(near.id, "game"), TypeError);
    assert.ok(here.maxBytes >= 1100, `${here.maxBytes}`);
    // A datagram may be lost; this one is sent until it is not.
    const atFar = next(there);
    const timer = setInterval(() => here.send(Uint8Array.of(1, 2, 3)), 20);
    assert.deepEqual([...await atFar], [1, 2, 3]);
    clearInterval(timer);
    const atNear = next(here);
    const back = setInterval(() => there.send(new Uint8Array(there.maxBytes).fill(9)), 20);
    const bytes = await atNear;
    clearInterval(back);
    assert.ok(bytes.length >= 1100 && bytes.every((byte) => byte === 9));
    assert.equal(here.send(new Uint8Array(70_000)), false);
    there.close();
    far.datagrams(near.id, "game").close();
  });
});

Deno.test("datagrams: a taker that fails gets the next one all the same, and so do others", async () => {
  await connected("quic", async (near, far) => {
    const [here, beside] = [near.datagrams(far.id, "game"), near.datagrams(far.id, "voice")];
    const there = far.datagrams(near.id, "game");
    let taken = 0;
    there.onDatagram = () => {
      taken++;
      throw new Error("the taker's own");
    };
    const atFar = next(far.datagrams(near.id, "voice"));
    const timer = setInterval(() => {
      here.send(Uint8Array.of(1));
      if (taken > 1) beside.send(Uint8Array.of(2));
    }, 5);
    assert.deepEqual([...await atFar], [2]);
    clearInterval(timer);
  });
});

Deno.test("datagrams: a path over TCP carries none, and says so", async () => {
  await connected("tcp", (near, far) => {
    const port = near.datagrams(far.id, "game");
    assert.equal(port.maxBytes, 0);
    assert.equal(port.send(Uint8Array.of(1)), false);
    return Promise.resolve();
  });
});
