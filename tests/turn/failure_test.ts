import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AlternateDomain,
  AlternateServer,
  decodeMessage,
  encodeMessage,
  ErrorCode,
  longTermKey,
  Method,
  Nonce,
  Realm,
} from "../../lib/stun/mod.ts";
import { TurnClient, type TurnErrorCode } from "../../lib/turn/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { allocated, CREDENTIALS, PEER, TurnSimulation } from "./simulation.ts";

const OF_ALLOCATE: [number, TurnErrorCode][] = [
  [400, "protocol"],
  [403, "forbidden"],
  [420, "protocol"],
  [437, "allocation-mismatch"],
  [440, "family"],
  [441, "bad-credentials"],
  [442, "transport"],
  [486, "quota"],
  [500, "server-error"],
  [508, "capacity"],
  [499, "protocol"],
  [599, "server-error"],
];

Deno.test("every error of an Allocate has its name, and is the end", () => {
  for (const [number, code] of OF_ALLOCATE) {
    const simulation = new TurnSimulation({ server: { refuse: () => number } });
    simulation.run(600_000);
    const { error } = simulation.event("failed")!;
    assert.equal(error.code, code);
    assert.equal(error.stunCode, number);
    assert.match(error.message, new RegExp(`${number}`));
    assert.equal(simulation.server.count(Method.Allocate), 2);
    assert.equal(simulation.client.pollTimeout(), undefined);
  }
});

Deno.test("a silent server is given up in bounded time", () => {
  const simulation = new TurnSimulation({ lost: () => true });
  simulation.run(600_000, () => simulation.event("failed") !== undefined);
  assert.equal(simulation.event("failed")?.error.code, "unreachable");
  assert.equal(simulation.now, 10_000);
  assert.deepEqual(simulation.sentAt, [0, 500, 1500, 3500, 7500]);
});

Deno.test("lost requests are repeated as RFC 8489 says", () => {
  const simulation = allocated({ lost: (index) => index < 2 });
  assert.deepEqual(simulation.sentAt, [0, 500, 1500, 1520]);
  simulation.lost = () => true;
  const before = simulation.now;
  simulation.act((client, now) => client.permit(PEER.ip, now));
  simulation.run(600_000, () => simulation.event("failed") !== undefined);
  assert.equal(simulation.now - before, 39_500);
});

Deno.test("437 after the allocation means that it is gone", () => {
  const simulation = allocated();
  simulation.server.forget();
  simulation.act((client, now) => client.permit(PEER.ip, now));
  simulation.run(1_000);
  assert.equal(simulation.event("failed")?.error.code, "allocation-mismatch");
  assert.equal(simulation.act((client, now) => client.send(PEER, Uint8Array.of(1), now)), false);
  const sent = simulation.sentAt.length;
  simulation.run(3_600_000);
  assert.equal(simulation.sentAt.length, sent);
});

Deno.test("an allocation that expired in our sleep is noticed by its refresh", () => {
  const simulation = allocated();
  simulation.server.forget();
  simulation.now += 8 * 3_600_000;
  simulation.run(1_000);
  assert.equal(simulation.event("failed")?.error.code, "allocation-mismatch");
});

Deno.test("a refusal that does not speak of the peer makes us ask for the allocation", () => {
  const simulation = allocated({ // as coturn does after a restart
    server: { refuse: ({ method }) => method === Method.CreatePermission ? 400 : undefined },
  });
  simulation.act((client, now) => client.permit(PEER.ip, now));
  simulation.run(100);
  assert.equal(simulation.server.count(Method.Refresh), 1);
  assert.equal(simulation.event("peer-refused")?.error.code, "protocol");
  assert.equal(simulation.event("failed"), undefined);
  simulation.server.forget();
  simulation.act((client, now) => client.permit("192.0.2.10", now));
  simulation.run(100);
  assert.equal(simulation.event("failed")?.error.code, "allocation-mismatch");
});

Deno.test("a check tells whether the allocation lives", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.check(now));
  simulation.act((client, now) => client.check(now));
  simulation.run(100);
  assert.equal(simulation.server.count(Method.Refresh), 1);
  simulation.server.forget();
  simulation.act((client, now) => client.check(now));
  simulation.run(100);
  assert.equal(simulation.event("failed")?.error.code, "allocation-mismatch");
});

Deno.test("a server that dies is noticed by the refresh", () => {
  const simulation = allocated();
  simulation.lost = () => true;
  simulation.run(600_000, () => simulation.event("failed") !== undefined);
  assert.equal(simulation.event("failed")?.error.code, "unreachable");
});

Deno.test("300 sends us on; with credentials sent only when it is authentic", () => {
  const alternate = { ip: "192.0.2.77", port: 3478 };
  const key = longTermKey({ ...CREDENTIALS, realm: "r" });
  const redirect = (transactionId: Uint8Array) =>
    encodeMessage("error", Method.Allocate, transactionId)
      .add(ErrorCode, { code: 300, reason: "elsewhere" })
      .add(AlternateServer, alternate)
      .add(AlternateDomain, "turn.example.org");
  const make = () => {
    const random = new SeededRandom(3).bytes;
    const client = new TurnClient({
      transport: "datagram",
      credentials: CREDENTIALS,
      random,
      now: 0,
    });
    return { client, first: decodeMessage(client.pollTransmit()!).transactionId };
  };
  const coturn = make(); // which redirects before it challenges
  coturn.client.handleServerDatagram(redirect(coturn.first).finish(), 1);
  const { client, first } = make();
  client.handleServerDatagram(
    encodeMessage("error", Method.Allocate, first).add(ErrorCode, { code: 401, reason: "" })
      .add(Realm, "r").add(Nonce, "n").finish(),
    2,
  );
  const second = decodeMessage(client.pollTransmit()!).transactionId;
  client.handleServerDatagram(redirect(second).finish(), 3);
  assert.equal(client.pollEvent(), undefined);
  client.handleServerDatagram(redirect(second).addIntegrity(key).finish(), 4);
  for (const event of [coturn.client.pollEvent(), client.pollEvent()]) {
    assert.ok(event?.type === "failed");
    assert.equal(event.error.code, "try-alternate");
    assert.deepEqual(event.error.alternate, alternate);
    assert.equal(event.error.alternateDomain, "turn.example.org");
  }
});

Deno.test("a response with an unknown attribute that matters has failed", () => {
  const simulation = new TurnSimulation({
    server: { spoil: (response) => response.addRaw(0x7fff, Uint8Array.of(1)) },
  });
  simulation.run(5_000);
  assert.equal(simulation.event("failed")?.error.code, "protocol");
});

Deno.test("whatever the server sends, nothing throws and the client ends or lives", () => {
  const random = new SeededRandom(11).bytes;
  fc.assert(fc.property(
    fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.nat(400)), { maxLength: 30 }),
    fc.boolean(),
    (messages, stream) => {
      const simulation = allocated();
      simulation.act((client, now) => client.bind(PEER, now));
      simulation.run(100);
      const client = stream
        ? new TurnClient({ transport: "stream", random, now: 0, credentials: CREDENTIALS })
        : simulation.client;
      const template = simulation.server.handle(
        encodeMessage("request", Method.Allocate, new Uint8Array(12)).finish(),
        simulation.now,
      )[0]!;
      for (const message of messages) {
        const bytes = typeof message === "number" ? template.slice() : message;
        if (typeof message === "number") bytes[message % bytes.length]! ^= 1 << message % 8;
        if (stream) client.handleServerBytes(bytes, 1);
        else client.handleServerDatagram(bytes, 1);
        while (client.pollEvent() !== undefined);
      }
    },
  ));
});
