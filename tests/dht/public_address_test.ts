import assert from "node:assert/strict";
import { PublicAddress } from "../../lib/dht/public_address.ts";
import { parseIp } from "../../lib/ip/mod.ts";

/** Who saw us where. */
function seen(reports: Record<string, string>): PublicAddress {
  const address = new PublicAddress();
  for (const [reporter, ip] of Object.entries(reports)) address.report(reporter, parseIp(ip));
  return address;
}

Deno.test("public address: most reporters decide, and a half is not most", () => {
  assert.equal(seen({ a: "198.51.100.7" }).agreed(4), "198.51.100.7");
  assert.equal(seen({ a: "198.51.100.7", b: "198.51.100.8" }).agreed(4), undefined);
  const liar = { a: "198.51.100.7", b: "198.51.100.7", c: "192.0.2.1" };
  assert.equal(seen(liar).agreed(4), "198.51.100.7");
});

Deno.test("public address: who sees a private address, or another family's, has no vote", () => {
  const reports = { a: "10.0.0.2", b: "192.168.1.2", c: "198.51.100.7", d: "2001:db8::1" };
  assert.equal(seen(reports).agreed(4), "198.51.100.7");
  assert.equal(seen(reports).agreed(6), "2001:db8::1");
  assert.equal(seen({ a: "10.0.0.2", b: "127.0.0.1", c: "100.64.0.1" }).agreed(4), undefined);
  assert.equal(seen({}).agreed(4), undefined);
});

Deno.test("public address: only the last word of each reporter counts", () => {
  const address = seen({ a: "198.51.100.7", b: "198.51.100.7" });
  address.report("a", parseIp("198.51.100.8"));
  assert.equal(address.agreed(4), undefined);
  address.report("b", parseIp("198.51.100.8"));
  assert.equal(address.agreed(4), "198.51.100.8");
  assert.deepEqual(address.list(), ["198.51.100.8"]);
});
