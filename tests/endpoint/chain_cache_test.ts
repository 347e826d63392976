import assert from "node:assert/strict";
import { ChainCache } from "../../lib/endpoint/chain_cache.ts";
import { CertificateError, createAuthority, createDevice } from "../../lib/identity/mod.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

Deno.test("a chain is verified once, and again when the clock leaves its validity", async () => {
  const { chain, id } = await createDevice("device", await createAuthority("authority"));
  const cache = new ChainCache();
  const now = new Date();
  const first = await cache.verify(chain, now);
  assert.equal(first.id, id);
  assert.equal(await cache.verify(chain, new Date(now.getTime() + 1000)), first);
  for (const years of [-30, 30]) {
    const elsewhere = new Date(now.getTime() + years * YEAR_MS);
    await assert.rejects(cache.verify(chain, elsewhere), CertificateError);
  }
});

Deno.test("a chain that is remembered expires to the second", async () => {
  const { chain } = await createDevice("device", await createAuthority("authority"), { days: 1 });
  const cache = new ChainCache();
  const { notAfter } = await cache.verify(chain, new Date());
  await cache.verify(chain, notAfter);
  const late = new Date(notAfter.getTime() + 1);
  await assert.rejects(cache.verify(chain, late), { code: "expired" });
  await assert.rejects(cache.verify(chain, late), { code: "expired" });
});

Deno.test("a chain that differs in one byte is not taken for a known one", async () => {
  const { chain } = await createDevice("device", await createAuthority("authority"));
  const cache = new ChainCache();
  await cache.verify(chain, new Date());
  const forged = chain.map((der) => der.slice());
  forged[0]![forged[0]!.length - 1]! ^= 1;
  await assert.rejects(cache.verify(forged, new Date()), CertificateError);
});
