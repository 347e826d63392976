/** What the trace tells of a call that begins over a relay, and finds a direct path. */
import assert from "node:assert/strict";
import { markupProblem } from "../support/markup_check.ts";
import { eventually } from "./command.ts";
import { Call } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

/** Longest time to a direct path where one NAT is strict. */
const UPGRADE_MS = 45_000;

natLabTest(
  "the trace tells of the relay, of the probes through a strict NAT, and of the better path",
  {
    sites: [{ name: "a", nat: "moderate" }, { name: "b", nat: "strict" }],
    wan: { turn: true },
  },
  async (lab) => {
    const directory = await Deno.makeTempDir();
    try {
      const file = `${directory}/trace.html`;
      // With the -v of every call.
      const call = await Call.start(lab, lab.site("a"), lab.site("b"), {
        dialler: ["-vv", "--trace", file],
      });
      await call.echo();
      await eventually("the path is direct", () => call.path?.relayed === false, UPGRADE_MS);
      const { log } = call.dialler;
      for (
        const line of [
          /#1 +\d+\.\d ms {2}begin {4}connect to /,
          /#1 +-?\d+\.\d ms {2}gather {3}our candidate udp srflx \S+, from \S+/,
          /#1 +-?\d+\.\d ms {2}gather {3}our candidate udp relay \S+, from \S+/,
          /#1 +\d+\.\d ms {2}gather {3}their candidate udp relay /,
          /#1 +\d+\.\d ms {2}decision relayed udp /,
          /#1 +\d+\.\d ms {2}session {2}runs over relayed quic /,
          /#\d+ +\d+\.\d ms {2}begin {4}look for a better path to /,
          /#\d+ +\d+\.\d ms {2}punch {4}probing many ports: begun/,
          /#\d+ +\d+\.\d ms {2}punch {4}probing many ports: met/,
          /#(?!1 )\d+ +\d+\.\d ms {2}pipe {5}quic: open/,
          /#1 +\d+\.\d ms {2}session {2}runs over quic /,
        ]
      ) assert.match(log, line);
      await eventually("the picture is up to date", async () => {
        const page = await Deno.readTextFile(file);
        return page.includes("many probes") && page.includes("runs over relayed quic");
      });
      assert.equal(markupProblem(await Deno.readTextFile(file)), undefined);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  { timeoutMs: 90_000 },
);
