/**
 * Calling again without the DHT and without ICE. A listener whose address needs no NAT to be got
 * through keeps a port open, its door, and tells it in its sealed answers. Who has called once may
 * knock there:
 *
 * ```
 *   dialler                                                     listener
 *      │══ TCP, or QUIC where that alone is wanted ═══════════════▶ │ door
 *      │── length, sealed request ────────────────────────────────▶ │ guard, certificates, policy
 *      │◀─────────────────────────────── length, sealed answer ──── │
 *      │── proof, first records ──────────────────────────────────▶ │ the connection is the pipe
 * ```
 *
 * It is the same handshake, with keys as fresh and checks as many as by any carrier; only the way is
 * shorter. A dialler that gets no answer at the door calls as if it knew of none.
 * @module
 */
export * from "./door.ts";
export * from "./knock.ts";
export * from "./known_doors.ts";
export * from "./own_door.ts";
export * from "./visit.ts";
