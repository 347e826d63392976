import assert from "node:assert/strict";
import fc from "fast-check";
import { libcryptoAead } from "../../lib/net/libcrypto_aead.ts";
import { portableAead } from "../../lib/session/portable_aead.ts";

const aead = libcryptoAead();
const KEY = fc.uint8Array({ minLength: 32, maxLength: 32 });
const COUNTER = fc.maxSafeNat();
const BYTES = fc.uint8Array({ maxLength: 300 });

Deno.test({
  name: "libcrypto: seals as the pure implementation does, and opens what that sealed",
  ignore: aead === undefined,
  fn() {
    fc.assert(fc.property(KEY, COUNTER, BYTES, BYTES, (key, counter, aad, text) => {
      const ours = new Uint8Array(text.length + 20).fill(7);
      const theirs = ours.slice();
      aead!.seal(key, counter, aad, text, ours, 3);
      portableAead.seal(key, counter, aad, text, theirs, 3);
      assert.deepEqual(ours, theirs);
      const sealed = theirs.subarray(3, 3 + text.length + 16);
      assert.deepEqual([...aead!.open(key, counter, aad, sealed)!], [...text]);
    }));
  },
});

Deno.test({
  name: "libcrypto: whatever is changed is noticed, and does no harm to what follows",
  ignore: aead === undefined,
  fn() {
    const key = new Uint8Array(32).fill(1);
    const aad = Uint8Array.of(1, 2, 3);
    const sealed = new Uint8Array(26);
    aead!.seal(key, 5, aad, new Uint8Array(10), sealed, 0);
    for (let at = 0; at < sealed.length; at++) {
      const forged = sealed.slice();
      forged[at]! ^= 0x40;
      assert.equal(aead!.open(key, 5, aad, forged), undefined);
      assert.equal(aead!.open(key, 5, aad, sealed)?.length, 10);
    }
    assert.equal(aead!.open(key, 6, aad, sealed), undefined);
    assert.equal(aead!.open(key, 5, Uint8Array.of(1, 2), sealed), undefined);
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(aead!.open(key, 5, aad, sealed.subarray(0, length)), undefined);
    }
  },
});

Deno.test({
  name: "libcrypto: nothing is written beyond the room",
  ignore: aead === undefined,
  fn() {
    const key = new Uint8Array(32);
    const text = new Uint8Array(10);
    assert.throws(() => aead!.seal(key, 0, key, text, new Uint8Array(25), 0), RangeError);
    assert.throws(() => aead!.seal(key, 0, key, text, new Uint8Array(30), 5), RangeError);
  },
});

Deno.test("libcrypto: nobody is asked for the permission to load it; one path of it is enough", async () => {
  const script = `import { libcryptoAead, LIBCRYPTO_PATHS } from "${new URL(
    "../../lib/net/libcrypto_aead.ts",
    import.meta.url,
  )}"; console.log(libcryptoAead() !== undefined, LIBCRYPTO_PATHS.join());`;
  const run = async (...flags: string[]) => {
    const args = ["run", "--no-check", ...flags, `data:text/javascript,${script}`];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).trim().split(" ") as [string, string];
  };
  const [without, paths] = await run();
  assert.equal(without, "false");
  const [allowed] = await run(`--allow-ffi=${paths}`);
  const isThere = await Promise.all(
    paths.split(",").map((path) => Deno.stat(path).then(() => true, () => false)),
  );
  assert.equal(allowed, `${isThere.includes(true)}`);
});
