import assert from "node:assert/strict";
import {
  ConnectionId,
  decodeMessage,
  encodeMessage,
  ErrorCode,
  Lifetime,
  longTermKey,
  Method,
  Nonce,
  Realm,
  RequestedTransport,
  type StunMessage,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from "../../lib/stun/mod.ts";
import { TurnClient } from "../../lib/turn/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { CREDENTIALS, PEER } from "./simulation.ts";

const KEY = longTermKey({ ...CREDENTIALS, realm: "r" });
const random = new SeededRandom(5).bytes;

function request(client: { pollTransmit(): Uint8Array | undefined }): StunMessage {
  return decodeMessage(client.pollTransmit()!);
}

function respond(messageClass: "success" | "error", { method, transactionId }: StunMessage) {
  return encodeMessage(messageClass, method, transactionId);
}

function challenge(message: StunMessage, code = 401, nonce = "n"): Uint8Array {
  return respond("error", message).add(ErrorCode, { code, reason: "" }).add(Realm, "r")
    .add(Nonce, nonce).finish();
}

/** A client with a TCP allocation. */
function tcpClient(): TurnClient {
  const client = new TurnClient({
    transport: "stream",
    relay: "tcp",
    credentials: CREDENTIALS,
    random,
    now: 0,
  });
  client.handleServerBytes(challenge(request(client)), 0);
  const allocate = request(client);
  assert.equal(allocate.get(RequestedTransport), 6);
  client.handleServerBytes(
    respond("success", allocate).add(XorRelayedAddress, { ip: "203.0.113.5", port: 5000 })
      .add(XorMappedAddress, PEER).add(Lifetime, 600).addIntegrity(KEY).finish(),
    0,
  );
  assert.equal(client.pollEvent()?.type, "allocated");
  return client;
}

Deno.test("TCP is relayed over a stream only", () => {
  const options = { transport: "datagram", relay: "tcp", random, now: 0 } as const;
  assert.throws(() => new TurnClient(options), RangeError);
});

Deno.test("Connect gives a connection id, which a new connection binds", () => {
  const client = tcpClient();
  client.connect(PEER, 0);
  const connect = request(client);
  assert.equal(connect.method, Method.Connect);
  assert.deepEqual(connect.get(XorPeerAddress), PEER);
  client.handleServerBytes(
    respond("success", connect).add(ConnectionId, 77).addIntegrity(KEY).finish(),
    0,
  );
  assert.deepEqual(client.pollEvent(), {
    type: "connection",
    peer: PEER,
    connectionId: 77,
    incoming: false,
  });
  const connection = client.dataConnection(77, 0);
  const stale = request(connection); // nonces belong to a connection
  assert.equal(stale.get(ConnectionId), 77);
  assert.equal(stale.checkIntegrity(KEY), "valid");
  connection.handleServerBytes(challenge(stale, 438, "other"), 0);
  const bind = request(connection);
  assert.equal(bind.get(Nonce), "other");
  const answer = respond("success", bind).addIntegrity(KEY).finish();
  const rest = new TextEncoder().encode("first words of the peer");
  connection.handleServerBytes(answer.slice(0, 9), 0);
  connection.handleServerBytes(new Uint8Array([...answer.slice(9), ...rest]), 0);
  const event = connection.pollEvent();
  assert.ok(event?.type === "bound");
  assert.deepEqual(event.rest, rest);
  client.permit(PEER.ip, 0);
  assert.equal(request(client).get(Nonce), "n");
});

Deno.test("a peer that cannot be reached is no harm to the allocation", () => {
  const client = tcpClient();
  for (const [number, code] of [[447, "connection-failed"], [446, "connection-exists"]] as const) {
    client.connect(PEER, 0);
    client.handleServerBytes(
      respond("error", request(client)).add(ErrorCode, { code: number, reason: "" })
        .addIntegrity(KEY).finish(),
      0,
    );
    const event = client.pollEvent();
    assert.ok(event?.type === "connect-failed");
    assert.equal(event.error.code, code);
    assert.deepEqual(event.peer, PEER);
  }
  client.connect(PEER, 0);
  client.pollTransmit();
  client.handleTimeout(39_500);
  const event = client.pollEvent();
  assert.ok(event?.type === "connect-failed" && event.error.code === "unreachable");
  assert.equal(client.relayed.length, 1);
  client.connect({ ip: "2001:db8::1", port: 1 }, 40_000);
  const other = client.pollEvent();
  assert.ok(other?.type === "connect-failed" && other.error.code === "family");
});

Deno.test("a peer's own connection is reported", () => {
  const client = tcpClient();
  const attempt = encodeMessage("indication", Method.ConnectionAttempt, new Uint8Array(12));
  client.handleServerBytes(attempt.add(ConnectionId, 5).add(XorPeerAddress, PEER).finish(), 0);
  assert.deepEqual(client.pollEvent(), {
    type: "connection",
    peer: PEER,
    connectionId: 5,
    incoming: true,
  });
});

Deno.test("a data connection that is refused, silent or lost has failed", () => {
  const outcomes: [(connection: ReturnType<TurnClient["dataConnection"]>) => void, string][] = [
    [(connection) => {
      const refusal = respond("error", request(connection)).add(ErrorCode, {
        code: 400,
        reason: "",
      });
      connection.handleServerBytes(refusal.addIntegrity(KEY).finish(), 0);
    }, "protocol"],
    [(connection) => connection.handleTimeout(connection.pollTimeout()!), "unreachable"],
    [(connection) => connection.handleServerClosed(), "unreachable"],
    [(connection) => connection.handleServerBytes(Uint8Array.of(0xff), 0), "protocol"],
  ];
  for (const [act, code] of outcomes) {
    const connection = tcpClient().dataConnection(1, 0);
    assert.equal(connection.pollTimeout(), 30_000);
    act(connection);
    const event = connection.pollEvent();
    assert.ok(event?.type === "failed" && event.error.code === code, code);
    assert.equal(connection.pollTimeout(), undefined);
  }
});
