import assert from "node:assert/strict";
import { netcheck, type NetcheckOptions } from "../../../lib/endpoint/netcheck/mod.ts";

const WRONG: Record<string, NetcheckOptions> = {
  "a STUN server": { stun: ["not a host"] },
  "a TURN server": { turn: [{ host: "not a host" }] },
  "a bootstrap node": { bootstrap: ["127.0.0.1:0"] },
};

for (const [what, options] of Object.entries(WRONG)) {
  Deno.test({
    name: `a check that cannot be made, for ${what} that is none, leaves nothing open`,
    sanitizeOps: true,
    sanitizeResources: true,
    async fn() {
      const local = { interfaces: ["lo"], discovery: false, portMapping: false };
      await assert.rejects(netcheck({ ...local, ...options }), TypeError);
    },
  });
}
