import assert from "node:assert/strict";
import {
  decodeMessage,
  encodeMessage,
  IceControlled,
  IceControlling,
  isStun,
  Method,
  Priority,
  Software,
  Username,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";

const folder = new URL("../vectors/stun-captures/", import.meta.url);
const capture = (name: string) => Deno.readFile(new URL(name, folder));

Deno.test("a bare Binding request of aioice", async () => {
  const bytes = await capture("aioice-binding_request.bin");
  const message = decodeMessage(bytes);
  assert.equal(message.messageClass, "request");
  assert.equal(message.method, Method.Binding);
  assert.equal(new TextDecoder().decode(message.transactionId), "Nvfx3lU7FUBF");
  assert.equal(message.attributes.length, 0);
  assert.deepEqual(encodeMessage("request", Method.Binding, message.transactionId).finish(), bytes);
});

Deno.test("ICE checks of aioice, controlled and controlling", async () => {
  const controlled = decodeMessage(await capture("aioice-binding_request_ice_controlled.bin"));
  assert.equal(controlled.checkFingerprint(), "valid");
  assert.ok(controlled.get(Username)?.includes(":"));
  assert.ok(controlled.get(Priority)! > 0);
  assert.equal(typeof controlled.get(IceControlled), "bigint");
  const controlling = decodeMessage(await capture("aioice-binding_request_ice_controlling.bin"));
  assert.equal(controlling.checkFingerprint(), "valid");
  assert.equal(typeof controlling.get(IceControlling), "bigint");
  assert.equal(controlling.get(IceControlled), undefined);
});

Deno.test("a Binding response that aioice received", async () => {
  const message = decodeMessage(await capture("aioice-binding_response.bin"));
  assert.equal(message.messageClass, "success");
  assert.deepEqual(message.get(XorMappedAddress), { ip: "80.200.136.90", port: 53054 });
});

Deno.test("Binding requests of browsers", async () => {
  const csv = new TextDecoder().decode(await capture("pion-frombrowsers.csv"));
  const rows = csv.split("\n").filter((line) => /^AAE/.test(line));
  assert.equal(rows.length, 14);
  for (const row of rows) {
    const [base64, , browser] = row.split(",");
    const bytes = Uint8Array.from(atob(base64!), (c) => c.charCodeAt(0));
    assert.ok(isStun(bytes));
    const message = decodeMessage(bytes);
    assert.equal(message.method, Method.Binding);
    assert.equal(message.checkFingerprint(), browser === "Firefox" ? "valid" : "absent");
    if (browser === "Firefox") continue;
    const again = encodeMessage("request", Method.Binding, message.transactionId);
    for (const { type, value } of message.attributes) again.addRaw(type, value);
    assert.deepEqual(again.finish(), bytes);
  }
});

Deno.test("a Chrome request with an attribute that nobody registered", async () => {
  const message = decodeMessage(await capture("pion-ex1_chrome.stun"));
  assert.equal(message.get(Software), undefined);
  assert.equal(message.attributes[0]?.type, 0x802f);
  assert.equal(new TextDecoder().decode(message.attributes[0]?.value), "http://localhost:3000/");
  assert.deepEqual(message.unknownRequired(new Set()), [], "0x802f may be ignored");
});
