import assert from "node:assert/strict";
import { LanDiscovery } from "../../lib/dht/mod.ts";
import { encodeDiscoveryQuery } from "../../lib/dht/discovery_codec.ts";
import { IceAgent } from "../../lib/ice/mod.ts";
import { encodeMessage, Method, Priority, Username } from "../../lib/stun/mod.ts";
import { seededRandom } from "../support/seeded_random.ts";

/**
 * Attack: amplification beside the DHT. Whoever has not proved that an address is its own cannot have
 * us send more than three times its bytes there.
 */
const BOUND = 3;
const VICTIM = { ip: "203.0.113.66", port: 53 };

Deno.test("attack: amplification, checks of who does not know the password pull no more than they cost", () => {
  const local = { ip: "192.0.2.1", port: 1_000 };
  const agent = new IceAgent({ controlling: false, random: seededRandom("ice"), now: 0 });
  agent.addLocalCandidate({ transport: "udp", type: "host", address: local });
  agent.setRemote({ ufrag: "evtj", pwd: "VOkJxbRl1RmTxUk/WvJxBt" });
  const request = () => encodeMessage("request", Method.Binding, new Uint8Array(12));
  const username = `${agent.local.ufrag}:evtj`;
  const requests = [
    request().finish(),
    request().addFingerprint().finish(),
    request().add(Username, username).addFingerprint().finish(),
    request().add(Username, username).add(Priority, 1).addIntegrity(new Uint8Array(22))
      .addFingerprint()
      .finish(),
  ];
  let answered = 0;
  for (const [n, bytes] of requests.entries()) {
    let sent = 0, cost = 0;
    for (let now = n * 10_000; now < n * 10_000 + 5_000; now += 50) {
      agent.handlePacket(bytes, { transport: "udp", local, remote: VICTIM }, now);
      cost += bytes.length;
      agent.handleTimeout(now);
      for (let out; (out = agent.pollTransmit()) !== undefined;) sent += out.bytes.length;
    }
    assert.ok(sent <= cost, `request ${n}: ${sent} bytes for ${cost}`);
    if (sent > 0) answered++;
  }
  assert.ok(answered > 0, "some of them it does answer");
});

// Stock's queries have two bytes, its announcements thirty-two: what bounds this is the rate, and that
// the sockets take queries from addresses on our own link alone (lib/net/multicast.ts).
Deno.test("attack: amplification, queries on the local network pull a kilobyte a second at most", () => {
  const discovery = new LanDiscovery({ id: new Uint8Array(20).fill(1), ports: { 4: 4_222 } });
  discovery.start(0);
  while (discovery.pollTransmit() !== undefined);
  const victim = { ip: "192.168.1.66", port: 53 };
  let bytes = 0;
  for (let now = 1_000; now < 11_000; now++) {
    discovery.handleDatagram(encodeDiscoveryQuery(), victim, now);
    for (let out; (out = discovery.pollTransmit()) !== undefined;) {
      if (out.to.ip === victim.ip) bytes += out.bytes.length;
    }
  }
  assert.ok(bytes > 0 && bytes <= 10 * 1_024, `${bytes} bytes in ten seconds`);
  assert.ok(bytes < BOUND * 10_000 * encodeDiscoveryQuery().length, "a flood pulls less");
});
