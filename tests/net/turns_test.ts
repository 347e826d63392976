import assert from "node:assert/strict";
import { turnOfSockets } from "../../lib/net/mod.ts";

/** Mostly two are enough; without looking at sockets, the runtime would take 61. */
const TURNS = 50;

Deno.test("a turn of sockets: what has come is read, although the process never waits", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [near, far] = await Promise.all([Deno.connect({ port }), listener.accept()]);
  let read = 0;
  const reading = (async () => {
    const into = new Uint8Array(1);
    while (await far.read(into) !== null) read++;
  })();
  // The read waits for its socket before there is anything to be read.
  await new Promise((resolve) => setTimeout(resolve, 10));
  for (let byte = 1; byte <= 10; byte++) {
    await near.write(Uint8Array.of(byte));
    for (let turn = 0; turn < TURNS && read < byte; turn++) await turnOfSockets();
    assert.equal(read, byte);
  }
  near.close();
  await reading;
  far.close();
});
