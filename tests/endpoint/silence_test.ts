import assert from "node:assert/strict";
import { explainSilence } from "../../lib/endpoint/silence.ts";

const PEER = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

Deno.test("silence: a name without an address is told from a node that does not answer", () => {
  const bootstrap = ["dht.example:4300", "other.example", "127.0.0.1:9"];
  const none = { status: "connecting", nodes: 0 } as const;
  const { code, message } = explainSilence(PEER, { bootstrap, discovery: false }, {
    ...none,
    unresolved: ["dht.example"],
  });
  assert.equal(code, "no-network");
  assert.equal(
    message,
    "no DHT node could be reached: dht.example:4300 could not be resolved; " +
      "other.example, 127.0.0.1:9 did not answer; discovery is off",
  );
  const alone = explainSilence(PEER, { bootstrap: ["dht.example"] }, {
    ...none,
    unresolved: ["dht.example"],
  });
  assert.doesNotMatch(alone.message, /answer/);
});

Deno.test("silence: where the DHT answers, it is the peer's", () => {
  const connected = { status: "connected", nodes: 3, unresolved: [] } as const;
  const { code, message } = explainSilence(PEER, { bootstrap: ["127.0.0.1:9"] }, connected);
  assert.equal(code, "unreachable");
  assert.match(message, /no answer from d75a.*through 3 DHT nodes/);
});
