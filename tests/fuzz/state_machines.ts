import { DhtNode } from "../../lib/dht/mod.ts";
import { IceAgent } from "../../lib/ice/mod.ts";
import { TurnClient } from "../../lib/turn/mod.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { DHT_PACKETS, STUN_MESSAGES } from "./decoders.ts";
import type { FuzzTarget } from "./target.ts";

/** A clock that goes on by itself, so that timers come due between inputs. */
const STEP_MS = 37;

const dhtNode: FuzzTarget = {
  name: "DHT node",
  samples: DHT_PACKETS,
  start() {
    const random = seededRandom("fuzz");
    const node = new DhtNode({ random, now: 0, wallClock: () => 1_700_000_000 });
    let now = 0;
    let inputs = 0;
    return {
      take(bytes) {
        inputs++;
        now += STEP_MS;
        // Few addresses, so that requests, replies and fragments meet.
        node.handleDatagram(bytes, { ip: `192.0.2.${inputs % 7 + 1}`, port: 4222 }, now);
        node.handleTimeout(now);
        let sent = 0;
        while (node.pollTransmit() !== undefined) {
          if (++sent > 1_000) throw new Error("one packet makes it send a thousand");
        }
      },
    };
  },
};

const iceAgent: FuzzTarget = {
  name: "ICE agent",
  samples: STUN_MESSAGES,
  start() {
    const agent = new IceAgent({ controlling: true, random: seededRandom("fuzz"), now: 0 });
    const local = { ip: "192.0.2.1", port: 1000 };
    agent.addLocalCandidate({ transport: "udp", type: "host", address: local });
    agent.setRemote({ ufrag: "evtj", pwd: "VOkJxbRl1RmTxUk/WvJxBt" });
    let now = 0;
    return {
      take(bytes) {
        now += STEP_MS;
        const remote = { ip: "192.0.2.2", port: 1000 + now % 97 };
        agent.handlePacket(bytes, { transport: "udp", local, remote }, now);
        agent.handleTimeout(now);
        while (agent.pollTransmit() !== undefined);
        while (agent.pollEvent() !== undefined);
      },
    };
  },
};

const turnClient = (transport: "datagram" | "stream"): FuzzTarget => ({
  name: `TURN client, ${transport}`,
  samples: STUN_MESSAGES,
  start() {
    const client = new TurnClient({
      transport,
      credentials: { username: "alice", password: "secret" },
      random: seededRandom("fuzz"),
      now: 0,
    });
    let now = 0;
    return {
      take(bytes) {
        now += STEP_MS;
        if (transport === "datagram") client.handleServerDatagram(bytes, now);
        else client.handleServerBytes(bytes, now);
        client.handleTimeout(now);
        while (client.pollTransmit() !== undefined);
        while (client.pollEvent() !== undefined);
      },
    };
  },
});

/** The state machines that strangers can reach. */
export const STATE_MACHINES: readonly FuzzTarget[] = [
  dhtNode,
  iceAgent,
  turnClient("datagram"),
  turnClient("stream"),
];
