import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Candidate,
  CandidateDecodeError,
  candidatePriority,
  decodeCandidate,
  encodeCandidate,
  IceAgent,
  type LocalCandidateInput,
  pairPriority,
} from "../../lib/ice/mod.ts";
import { LocalCandidates } from "../../lib/ice/local_candidates.ts";
import { formatIp } from "../../lib/ip/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";

const agent = (maxCandidates = 64, preferTransport: "udp" | "tcp" = "tcp") =>
  new IceAgent({
    controlling: true,
    random: new SeededRandom(3).bytes,
    now: 0,
    maxCandidates,
    preferTransport,
  });

const udp = (ip: string, port = 1): LocalCandidateInput => ({
  transport: "udp",
  type: "host",
  address: { ip, port },
});
const tcp = (ip: string, tcpType: "active" | "passive"): LocalCandidateInput => ({
  transport: "tcp",
  type: "host",
  tcpType,
  address: { ip, port: 5 },
});
const srflx = (ip: string, base: string, server = "s"): LocalCandidateInput => ({
  transport: "udp",
  type: "srflx",
  address: { ip, port: 77 },
  base: { ip: base, port: 1 },
  server,
});
const relay = (ip: string, server: string): LocalCandidateInput => ({
  transport: "udp",
  type: "relay",
  address: { ip, port: 88 },
  server,
});

Deno.test("priorities are unique, positive and below 2**31", () => {
  for (const prefer of ["tcp", "udp"] as const) {
    const a = agent(64, prefer);
    for (const last of [1, 2, 3]) {
      for (const ip of [`192.0.2.${last}`, `2001:db8::${last}`]) {
        for (const input of [udp(ip), tcp(ip, "active"), tcp(ip, "passive")]) {
          a.addLocalCandidate(input);
        }
      }
      a.addLocalCandidate(srflx(`198.51.100.${last}`, `192.0.2.${last}`));
      a.addLocalCandidate(relay(`203.0.113.${last}`, `turn${last}`));
    }
    const priorities = a.localCandidates().map(({ priority }) => priority);
    assert.equal(priorities.length, 24);
    assert.equal(new Set(priorities).size, 24);
    assert.ok(priorities.every((p) => Number.isInteger(p) && p >= 1 && p < 2 ** 31));
  }
});

Deno.test("order: direct TCP, direct UDP, peer-reflexive, server-reflexive, relayed", () => {
  const of = (type: Candidate["type"], transport: "udp" | "tcp", preferTransport: "udp" | "tcp") =>
    candidatePriority({
      type,
      transport,
      ...(transport === "tcp" ? { tcpType: "active" as const } : {}),
      localPreference: 8191,
      preferTransport,
    });
  assert.ok(of("host", "tcp", "tcp") > of("host", "udp", "tcp"));
  assert.ok(of("host", "udp", "udp") > of("host", "tcp", "udp"));
  assert.ok(of("host", "udp", "tcp") > of("prflx", "tcp", "tcp"));
  assert.ok(of("prflx", "udp", "tcp") > of("srflx", "udp", "tcp"));
  assert.ok(of("srflx", "udp", "tcp") > of("srflx", "tcp", "tcp"), "RFC 6544 section 4.2");
  assert.ok(of("srflx", "tcp", "tcp") > of("relay", "udp", "tcp"));
  assert.equal(of("host", "udp", "udp"), 2130706431 & ~0xff | 255, "RFC 8445's own example value");
});

Deno.test("the order of addition counts, IPv6 and IPv4 taking turns", () => {
  const a = agent();
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2"];
  for (const ip of ips) a.addLocalCandidate(udp(ip));
  const order = a.localCandidates().toSorted((x, y) => y.priority - x.priority);
  assert.deepEqual(order.map(({ address }) => address.ip), [
    "2001:db8::1",
    "10.0.0.1",
    "2001:db8::2",
    "10.0.0.2",
    "10.0.0.3",
  ]);
});

Deno.test("a given local preference is kept, and made unique", () => {
  const a = agent();
  const first = a.addLocalCandidate({ ...udp("10.0.0.1"), localPreference: 100 });
  const second = a.addLocalCandidate({ ...udp("10.0.0.2"), localPreference: 100 });
  assert.ok(first.priority > second.priority);
  assert.equal(first.priority - second.priority, 256);
  const low = a.addLocalCandidate({ ...udp("10.0.0.3"), localPreference: -5 });
  const lower = a.addLocalCandidate({ ...udp("10.0.0.4"), localPreference: -5 });
  assert.notEqual(low.priority, lower.priority);
});

Deno.test("foundations: same type, base, transport and server, and only then", () => {
  const a = agent();
  const f = (input: LocalCandidateInput) => a.addLocalCandidate(input).foundation;
  assert.equal(f(udp("10.0.0.1", 1)), f(udp("10.0.0.1", 2)));
  assert.notEqual(f(udp("10.0.0.1", 1)), f(udp("10.0.0.2", 1)));
  assert.notEqual(f(udp("10.0.0.1", 1)), f(tcp("10.0.0.1", "active")));
  assert.equal(f(srflx("198.51.100.1", "10.0.0.1")), f(srflx("198.51.100.2", "10.0.0.1")));
  assert.notEqual(f(srflx("198.51.100.3", "10.0.0.1")), f(srflx("198.51.100.4", "10.0.0.1", "t")));
  assert.notEqual(f(udp("10.0.0.1")), f(srflx("198.51.100.5", "10.0.0.1")));
});

Deno.test("redundant candidates are added once", () => {
  const a = agent();
  assert.equal(a.addLocalCandidate(udp("10.0.0.1")), a.addLocalCandidate(udp("10.0.0.1")));
  // A server that saw our own address: there is no NAT.
  const host = a.addLocalCandidate(udp("192.0.2.1", 77));
  const same = { ...srflx("192.0.2.1", "192.0.2.1"), base: { ip: "192.0.2.1", port: 77 } };
  assert.equal(a.addLocalCandidate(same), host);
  assert.equal(a.addLocalCandidate({ ...relay("192.0.2.1", "t"), address: host.address }), host);
  assert.equal(a.localCandidates().length, 2);
});

Deno.test("an active candidate has port 9", () => {
  assert.equal(agent().addLocalCandidate(tcp("10.0.0.1", "active")).address.port, 9);
});

Deno.test("candidates that make no sense are refused", () => {
  const bad = (input: Partial<LocalCandidateInput>) =>
    assert.throws(() => agent().addLocalCandidate({ ...udp("10.0.0.1"), ...input }), {
      name: "IceError",
      code: "bad-candidate",
    });
  bad({ transport: "tcp" });
  bad({ tcpType: "active" });
  bad({ type: "srflx" });
  bad({ address: { ip: "10.0.0.1", port: 0 } });
  bad({ address: { ip: "224.0.0.1", port: 1 } });
  bad({ address: { ip: "0.0.0.0", port: 1 } });
  bad({ address: { ip: "::192.0.2.1", port: 1 } });
  bad({ address: { ip: "fec0::1", port: 1 } });
});

Deno.test("both sides' candidates are limited in number", () => {
  const a = agent(4);
  for (let port = 1; port <= 4; port++) a.addLocalCandidate(udp("10.0.0.1", port));
  assert.throws(() => a.addLocalCandidate(udp("10.0.0.1", 5)), { code: "too-many-candidates" });
  for (let port = 1; port <= 50; port++) {
    a.addRemoteCandidate({
      foundation: "1",
      component: 1,
      transport: "udp",
      priority: port,
      address: { ip: "10.0.0.2", port },
      type: "host",
    });
  }
  assert.equal(a.remoteCandidates().length, 4);
  assert.equal(a.pairs().length, 16);
});

Deno.test("remote candidates that make no sense are ignored", () => {
  const a = agent();
  a.addLocalCandidate(udp("10.0.0.1"));
  const good: Candidate = {
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 1,
    address: { ip: "10.0.0.2", port: 1 },
    type: "host",
  };
  a.addRemoteCandidate({ ...good, priority: 0 });
  a.addRemoteCandidate({ ...good, priority: 2 ** 31 });
  a.addRemoteCandidate({ ...good, address: { ip: "10.0.0.2", port: 0 } });
  a.addRemoteCandidate({ ...good, address: { ip: "255.255.255.255", port: 1 } });
  a.addRemoteCandidate({ ...good, address: { ip: "ff02::1", port: 1 } });
  assert.equal(a.remoteCandidates().length, 0);
  a.addRemoteCandidate(good);
  a.addRemoteCandidate(good);
  assert.equal(a.remoteCandidates().length, 1);
});

Deno.test("pair priority is RFC 8445's formula", () => {
  assert.equal(pairPriority(2, 1), (1n << 32n) + 4n + 1n);
  assert.equal(pairPriority(1, 2), (1n << 32n) + 4n);
  assert.equal(pairPriority(5, 5), (5n << 32n) + 10n);
  const max = 2 ** 31 - 1;
  assert.ok(pairPriority(max, max) < 1n << 64n);
});

const anyCandidate: fc.Arbitrary<Candidate> = fc.tuple(
  fc.constantFrom("host", "srflx", "prflx", "relay"),
  fc.constantFrom(undefined, "active", "passive", "so"),
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.string({ unit: fc.constantFrom(..."Az09+/"), minLength: 1, maxLength: 32 }),
  fc.ipV4().filter((ip) => !/^(0|22[4-9]|2[345]\d)\./.test(ip)),
  fc.integer({ min: 1, max: 65535 }),
  fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
).map(([type, tcpType, priority, foundation, ip, port, related]) => ({
  foundation,
  component: 1,
  transport: tcpType ? "tcp" : "udp",
  priority,
  address: { ip, port },
  type,
  ...(tcpType ? { tcpType } : {}),
  ...(related ? { related: { ip: formatIp(Uint8Array.of(0x20, ...related.slice(1))), port } } : {}),
} as Candidate));

Deno.test("every candidate survives its encoding", () => {
  fc.assert(fc.property(anyCandidate, (candidate) => {
    const related = candidate.related && {
      related: { ...candidate.related, ip: candidate.related.ip },
    };
    assert.deepEqual(decodeCandidate(encodeCandidate(candidate)), { ...candidate, ...related });
  }));
});

Deno.test("what gathering yields is small", () => {
  const a = agent();
  const ipv4 = encodeCandidate(a.addLocalCandidate(udp("192.0.2.1")));
  assert.equal(ipv4.length, 13);
  const reflexive = a.addLocalCandidate({
    ...srflx("198.51.100.1", "192.0.2.1"),
    related: { ip: "192.0.2.1", port: 1 },
  });
  assert.equal(encodeCandidate(reflexive).length, 19);
  assert.equal(encodeCandidate(a.addLocalCandidate(udp("2001:db8::1"))).length, 25);
});

Deno.test("any bytes decode or throw CandidateDecodeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        const candidate = decodeCandidate(bytes);
        assert.ok(candidate.priority > 0);
      } catch (error) {
        assert.ok(error instanceof CandidateDecodeError, String(error));
        assert.ok(error.offset <= bytes.length);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("each kind of damage to a candidate has its code", () => {
  const good = encodeCandidate({
    foundation: "ab",
    component: 1,
    transport: "udp",
    priority: 5,
    address: { ip: "192.0.2.1", port: 80 },
    type: "host",
  });
  const code = (change: (bytes: number[]) => unknown): string => {
    const bytes = [...good];
    change(bytes);
    try {
      decodeCandidate(Uint8Array.from(bytes));
      return "fine";
    } catch (error) {
      return (error as CandidateDecodeError).code;
    }
  };
  assert.equal(code(() => {}), "fine");
  assert.equal(code((b) => b.pop()), "truncated");
  assert.equal(code((b) => b.splice(0)), "truncated");
  assert.equal(code((b) => b.push(0)), "trailing-bytes");
  assert.equal(code((b) => b[0]! |= 0x80), "unknown-flag");
  assert.equal(code((b) => b[0]! |= 0x40), "unknown-flag");
  assert.equal(code((b) => b[4] = 0), "bad-priority");
  assert.equal(code((b) => b[1] = 0x80), "bad-priority");
  assert.equal(code((b) => b[5] = 0), "bad-foundation");
  assert.equal(code((b) => b[5] = 33), "bad-foundation");
  assert.equal(code((b) => b[6] = 32), "bad-foundation");
  assert.equal(code((b) => b.splice(-2, 2, 0, 0)), "bad-address");
  assert.equal(code((b) => b[8] = 224), "bad-address");
});

Deno.test("addresses that peers saw are noted once, and only so many", () => {
  const locals = new LocalCandidates("tcp", 3);
  const { candidate: host } = locals.add(udp("10.0.0.1"));
  const seen = { ip: "203.0.113.1", port: 5 };
  const found = locals.discover(host, seen);
  assert.deepEqual([found?.type, found?.address, found?.base], ["prflx", seen, host.base]);
  assert.ok(found!.priority < host.priority);
  assert.equal(locals.discover(host, seen), undefined);
  assert.equal(locals.discover(host, host.address), undefined);
  assert.ok(locals.discover(host, { ...seen, port: 6 }));
  assert.equal(locals.discover(host, { ...seen, port: 7 }), undefined, "the limit is three");
  locals.forgetReflexive();
  assert.deepEqual(locals.all, [host]);
});
