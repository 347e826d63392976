import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalIp,
  formatIp,
  formatSocketAddress,
  ipScope,
  IpSyntaxError,
  isIp,
  parseIp,
  parseSocketAddress,
} from "../../lib/ip/mod.ts";

Deno.test("parseIp() reads the forms of RFC 4291 and RFC 5952 writes them canonically", () => {
  const cases: [string, string][] = [
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::", "::"],
    ["1::", "1::"],
    ["::1.2.3.4", "::102:304"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["FE80::A", "fe80::a"],
  ];
  for (const [text, canonical] of cases) assert.equal(formatIp(parseIp(text)), canonical);
});

Deno.test("parseIp() refuses what is not an address", () => {
  const bad = [
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1::2::3",
    ":::",
    "1:2:3:4:5:6:7",
    "fe80::1%eth0",
    "12345::",
    "1.2.3.4::",
  ];
  for (const text of bad) assert.equal(isIp(text), false, text);
  assert.throws(() => parseIp("x"), IpSyntaxError);
});

Deno.test("parseIp() takes four numbers up to 255 without leading zeros, and no other IPv4", () => {
  const piece = fc.constantFrom("0", "00", "7", "10", "099", "255", "256", "1e1", "", " 1", "+1");
  const text = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join("."));
  fc.assert(fc.property(text, (ip) => {
    const parts = ip.split(".");
    const isGood = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)) &&
      parts.every((part) => Number(part) <= 255);
    if (isGood) assert.deepEqual([...parseIp(ip)], parts.map(Number));
    else assert.throws(() => parseIp(ip), IpSyntaxError);
  }));
});

Deno.test("formatIp() then parseIp() gives the same bytes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((a) =>
      Uint8Array.from(a)
    ),
  );
  fc.assert(fc.property(bytes, (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)));
});

Deno.test("canonicalIp() unmaps IPv4-mapped addresses", () => {
  assert.equal(canonicalIp("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(canonicalIp("::FFFF:0a00:1"), "10.0.0.1");
});

Deno.test("ipScope() tells the scopes apart", () => {
  const cases = {
    unspecified: ["0.0.0.0", "::"],
    loopback: ["127.1.2.3", "::1", "::ffff:127.0.0.1"],
    "link-local": ["169.254.1.1", "fe80::1", "febf::1"],
    private: ["10.0.0.1", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"],
    multicast: ["224.0.0.1", "239.192.0.1", "255.255.255.255", "ff08::101"],
    global: ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1"],
  };
  for (const [scope, ips] of Object.entries(cases)) {
    for (const ip of ips) assert.equal(ipScope(ip), scope, ip);
  }
});

Deno.test("parseSocketAddress() reads what formatSocketAddress() writes", () => {
  for (const text of ["192.0.2.1:0", "[2001:db8::1]:65535"]) {
    assert.equal(formatSocketAddress(parseSocketAddress(text)), text);
  }
  for (const text of ["::1:80", "1.2.3.4", "1.2.3.4:65536", "[1.2.3.4", "host:80"]) {
    assert.throws(() => parseSocketAddress(text), IpSyntaxError, text);
  }
});
