import assert from "node:assert/strict";
import { decodeOffer, encodeOffer } from "../../lib/endpoint/offer.ts";
import { MAX_CANDIDATES } from "../../lib/endpoint/signalling/mod.ts";
import type { Candidate, CandidateType } from "../../lib/ice/mod.ts";

Deno.test("an offer names no address but the candidates' own: a relay hides the rest", () => {
  const candidate: Candidate = {
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 5,
    address: { ip: "203.0.113.5", port: 4000 },
    type: "relay",
  };
  const behind = { related: { ip: "198.51.100.9", port: 77 }, base: { ip: "10.0.0.2", port: 5 } };
  const description = {
    ufrag: "abcd",
    pwd: "a".repeat(24),
    candidates: [{ ...candidate, ...behind }],
  };
  const offer = encodeOffer(description, {});
  assert.deepEqual(decodeOffer(offer).candidates, [candidate]);
});

Deno.test("an offer of a host with very many addresses is one that peers take, relays included", () => {
  const candidate = (type: CandidateType, port: number): Candidate => ({
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 5,
    address: { ip: "203.0.113.5", port },
    type,
  });
  const many = (type: CandidateType, count: number, from: number) =>
    Array.from({ length: count }, (_, i) => candidate(type, from + i));
  const candidates = [
    ...many("host", 40, 1000),
    ...many("srflx", 20, 2000),
    ...many("relay", 2, 3000),
  ];
  const offer = encodeOffer({ ufrag: "abcd", pwd: "a".repeat(24), candidates }, {});
  const told = decodeOffer(offer).candidates;
  assert.equal(told.length, MAX_CANDIDATES);
  const count = (wanted: CandidateType) => told.filter(({ type }) => type === wanted).length;
  assert.deepEqual([count("relay"), count("srflx"), count("host")], [2, 12, 18]);
  assert.ok(told.some(({ address }) => address.port === 1000), "the first addresses of the host");
});
