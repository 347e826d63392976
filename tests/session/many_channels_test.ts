import assert from "node:assert/strict";
import { SessionPair } from "../support/session_pair.ts";

const COUNT = 65_535;

Deno.test("65,535 channels are open at once, each echoes, then all close", async () => {
  const pair = new SessionPair();
  pair.right.onChannel = async (request) => {
    const channel = request.accept();
    const buffer = new Uint8Array(16);
    for (let count; (count = await channel.read(buffer)) !== null;) {
      await channel.write(buffer.subarray(0, count));
    }
    await channel.closeWrite();
  };
  pair.attach();
  const channels = Array.from({ length: COUNT }, (_, i) => pair.left.session.open(`${i}`));
  assert.throws(() => pair.left.session.open("one more"), { code: "too-many-channels" });
  await pair.run();
  assert.equal(pair.left.session.stats.channels, COUNT);
  assert.equal(pair.right.session.stats.channels, COUNT);
  const { reservedBytes } = pair.right.session.stats;
  assert.ok(reservedBytes <= (64 << 20) + COUNT * 1024, `${reservedBytes} bytes promised`);
  const echoes = Promise.all(channels.map(async (channel, i) => {
    await channel.write(Uint8Array.of(i >> 8, i));
    const buffer = new Uint8Array(4);
    assert.equal(await channel.read(buffer), 2);
    assert.deepEqual([buffer[0], buffer[1]], [i >> 8, i & 255]);
    await channel.closeWrite();
    assert.equal(await channel.read(buffer), null);
  }));
  await pair.run();
  await echoes;
  await pair.run();
  assert.equal(pair.left.session.stats.channels, 0);
  assert.equal(pair.right.session.stats.channels, 0);
  assert.equal(pair.right.session.stats.reservedBytes, 0);
});
