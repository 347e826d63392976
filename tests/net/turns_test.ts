import assert from "node:assert/strict";
import { turnOfSockets } from "../../lib/net/mod.ts";

/**
 * Mostly two are enough; on a busy machine a turn may find its thread done already, and does not look.
 * Without such turns the runtime looks at sockets every 61.
 */
const FEW_TURNS = 30;
const MOST_TURNS = 1_000;
const BYTES = 41;

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
  const turns: number[] = [];
  for (let byte = 1; byte <= BYTES; byte++) {
    await near.write(Uint8Array.of(byte));
    let turn = 0;
    for (; turn < MOST_TURNS && read < byte; turn++) await turnOfSockets();
    turns.push(turn);
  }
  assert.equal(read, BYTES);
  const median = turns.sort((a, b) => a - b)[BYTES >> 1]!;
  assert.ok(median <= FEW_TURNS, `${median} turns`);
  near.close();
  await reading;
  far.close();
});
