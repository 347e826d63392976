import assert from "node:assert/strict";
import { MAX_TUN_READ_BYTES, TunDevice } from "../../../lib/net/tun/mod.ts";

Deno.test("a packet given to one end of a pair comes out of the other, whole", async () => {
  const [one, other] = TunDevice.pair();
  try {
    const into = new Uint8Array(MAX_TUN_READ_BYTES);
    assert.equal(other.read(into), 0);
    assert.equal(one.write(Uint8Array.of(1, 2, 3)), true);
    assert.equal(one.write(Uint8Array.of(4)), true);
    await other.readable();
    assert.equal(other.read(into), 3);
    assert.deepEqual([...into.subarray(0, 3)], [1, 2, 3]);
    assert.equal(other.read(into), 1);
    const waiting = other.readable();
    other.close();
    await assert.rejects(waiting, { code: "closed" });
    assert.equal(other.write(into), false);
  } finally {
    one.close();
    other.close();
  }
});
