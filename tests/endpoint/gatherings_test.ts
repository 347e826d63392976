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
    await gatherings.close();
    await taken.close();
    assert.equal(open, 0);
  } finally {
    Gathering.start = start;
  }
});
