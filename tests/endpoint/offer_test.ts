import assert from "node:assert/strict";
import { decodeOffer, encodeOffer } from "../../lib/endpoint/offer.ts";
import type { Candidate } from "../../lib/ice/mod.ts";

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
