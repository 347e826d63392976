import assert from "node:assert/strict";
import { Gathering } from "../../lib/endpoint/gathering.ts";
import { Gatherings } from "../../lib/endpoint/gatherings.ts";
import { systemClock } from "../../lib/net/mod.ts";
import { loopbackGatheringOptions } from "../support/loopback_gathering.ts";

Deno.test("gatherings: one that another takes the place of is closed", async () => {
  let made = 0, open = 0;
  const start = Gathering.start;
  Gathering.start = async (options) => {
    const gathering = await start.call(Gathering, options);
    const close = gathering.close.bind(gathering);
    made++;
    open++;
    gathering.close = () => {
      open--;
      return close();
    };
    return gathering;
  };
  try {
    const gatherings = new Gatherings(
      (transports) => Promise.resolve(loopbackGatheringOptions(transports)),
      {
        clock: systemClock,
        interfaces: ["lo"],
        keepReady: () => true,
      },
    );
    // As an endpoint does with STUN servers, at its start and when it listens.
    gatherings.prepare({ tcp: true, udp: true });
    gatherings.prepare({ tcp: true, udp: true });
    const taken = await gatherings.take({ tcp: true, udp: true });
    assert.equal(made, 2);
    await Promise.all([gatherings.close(), taken.close()]);
    assert.equal(open, 0);
  } finally {
    Gathering.start = start;
  }
});

Deno.test({
  name: "gatherings: close() gives up what is not there yet, and waits for what was taken",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = silent.addr as Deno.NetAddr;
    let relayOnly = false;
    const gatherings = new Gatherings((transports) =>
      Promise.resolve({
        ...loopbackGatheringOptions(transports),
        turnServers: [{ host: "127.0.0.1", port, transport: "udp" }],
        relayOnly,
      }), { clock: systemClock, interfaces: ["lo"], keepReady: () => false });
    const taken = await gatherings.take({ tcp: true, udp: true, relay: false });
    relayOnly = true;
    const waiting = assert.rejects(gatherings.take({ tcp: true, udp: true }), { code: "aborted" });
    let closed = false;
    const closing = gatherings.close().then(() => closed = true);
    await waiting;
    assert.equal(closed, false);
    await taken.close();
    await closing;
    await assert.rejects(gatherings.take({ tcp: true, udp: true }), { code: "aborted" });
    silent.close();
  },
});
