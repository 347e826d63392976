/** Port mapping against Debian's miniupnpd on a real NAT. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "./command.ts";
import {
  CLIENT_ADDRESS_IPV6,
  type MiniupnpdOptions,
  OTHER_WAN_ADDRESS,
  type RouterLab,
  routerTest,
  WAN_ADDRESS,
} from "./router.ts";

const PROGRAM = fileURLToPath(new URL("mapped_echo.ts", import.meta.url));

interface Wanted {
  readonly protocols?: readonly string[];
  readonly maps: readonly string[];
  readonly lifetimeS?: number;
}

const start = (lab: RouterLab, wanted: Wanted) => lab.program(PROGRAM, JSON.stringify(wanted));

for (
  const [name, protocol, options] of [
    ["PCP", "pcp", {}],
    ["NAT-PMP", "nat-pmp", {}],
    ["UPnP with IGD version 1", "upnp", { igd: 1, natPmp: false }],
    ["UPnP with IGD version 2", "upnp", { igd: 2, natPmp: false }],
  ] satisfies [string, string, MiniupnpdOptions][]
) {
  routerTest(`${name}: mapped ports let packets in, and are removed`, async (lab) => {
    await lab.startMiniupnpd(options);
    const maps = ["udp 0.0.0.0 4222", "tcp 0.0.0.0 4223"];
    const program = start(lab, { protocols: [protocol], maps, lifetimeS: 600 });
    await program.shows(new RegExp(`udp 4222 = global ${WAN_ADDRESS} 4222 by ${protocol}`));
    await program.shows(new RegExp(`tcp 4223 = global ${WAN_ADDRESS} 4223 by ${protocol}`));
    await lab.mapped("udp 4222", "tcp 4223");
    assert.equal(await lab.askFromWan("udp", WAN_ADDRESS, 4222), "hello");
    assert.equal(await lab.askFromWan("tcp", WAN_ADDRESS, 4223), "hello");
    await program.type("close");
    const { code } = await program.status;
    assert.equal(code, 0, program.stderr);
    await lab.mapped();
    console.log(`${name}:\n${program.stdout}`);
  });

  routerTest(`${name}: SIGTERM takes the mappings back`, async (lab) => {
    await lab.startMiniupnpd(options);
    const program = start(lab, { protocols: [protocol], maps: ["udp 0.0.0.0 4222"] });
    await program.shows(/udp 4222 = global/);
    await lab.mapped("udp 4222");
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0);
    await lab.mapped();
  });
}

routerTest("all protocols: the first mapping comes by PCP", async (lab) => {
  await lab.startMiniupnpd();
  const program = start(lab, { maps: ["udp 0.0.0.0 4222"] });
  await program.shows(new RegExp(`udp 4222 = global ${WAN_ADDRESS} 4222 by pcp`));
});

routerTest(
  "a router without any protocol delays nobody, and one that comes up is used",
  async (lab) => {
    const program = start(lab, { maps: ["udp 0.0.0.0 4222"] });
    await program.shows(/started/);
    await new Promise((resolve) => setTimeout(resolve, 4_500)); // all protocols have given up
    await program.type("status");
    await program.shows(/"pcp","availability":"unavailable","reason":"no answer"/);
    await lab.startMiniupnpd();
    await program.type("refresh");
    await program.shows(/udp 4222 = global \S+ 4222 by pcp/);
    await program.type("close");
    await program.status;
    await lab.mapped();
  },
);

routerTest(
  "leases are renewed before they end, and end by themselves when we are gone",
  async (lab) => {
    await lab.startMiniupnpd({ igd: 1 });
    const programs = ["pcp", "nat-pmp", "upnp"].map((protocol, i) =>
      start(lab, { protocols: [protocol], maps: [`udp 0.0.0.0 ${4222 + i}`], lifetimeS: 10 })
    );
    await Promise.all(programs.map((program) => program.shows(/udp \d+ = global/)));
    const all = ["udp 4222", "udp 4223", "udp 4224"];
    await lab.mapped(...all);
    for (let second = 0; second < 16; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.deepEqual(await lab.mappedPorts(), all, `after ${second + 1} s`);
    }
    for (const program of programs) {
      assert.ok(!program.stdout.includes("lost"), program.stdout);
      program.kill("SIGKILL");
    }
    await lab.mapped();
  },
);

for (
  const [name, protocols, announced] of [
    ["all protocols", undefined, true],
    ["NAT-PMP", ["nat-pmp"], true],
    // miniupnpd announces in NAT-PMP's form only: without the refresh it is seen within a minute
    ["PCP", ["pcp"], false],
    ["UPnP", ["upnp"], false],
  ] as const
) {
  routerTest(`${name}: a new external address is followed`, async (lab) => {
    await lab.startMiniupnpd();
    const maps = ["udp 0.0.0.0 4222"];
    const program = start(lab, protocols === undefined ? { maps } : { protocols, maps });
    await program.shows(new RegExp(`udp 4222 = global ${WAN_ADDRESS} 4222`));
    await lab.changeWanAddress(WAN_ADDRESS, OTHER_WAN_ADDRESS);
    if (!announced) await program.type("refresh");
    await program.shows(new RegExp(`udp 4222 = global ${OTHER_WAN_ADDRESS} 4222`));
    assert.equal(await lab.askFromWan("udp", OTHER_WAN_ADDRESS, 4222), "hello");
  });
}

routerTest("a router that restarts gets its mappings back", async (lab) => {
  await lab.startMiniupnpd();
  const program = start(lab, { protocols: ["pcp"], maps: ["udp 0.0.0.0 4222"] });
  await program.shows(/udp 4222 = global/);
  await lab.stopMiniupnpd();
  await lab.mapped();
  await lab.startMiniupnpd();
  await program.type("refresh");
  await lab.mapped("udp 4222");
});

routerTest("a port that another host has is not taken from it", async (lab) => {
  await lab.startMiniupnpd({ igd: 1, natPmp: false });
  const first = start(lab, { protocols: ["upnp"], maps: ["udp 192.168.77.2 4222"] });
  await first.shows(/udp 4222 = global \S+ 4222/);
  await lab.addClientAddress("192.168.77.3");
  const second = start(lab, { protocols: ["upnp"], maps: ["udp 192.168.77.3 4222"] });
  const [, port] = await second.shows(/udp 4222 = global \S+ (\d+) by upnp/);
  assert.notEqual(port, "4222");
  await lab.mapped("udp 4222", `udp ${port}`);
});

routerTest("PCP opens an IPv6 firewall, and closes it", async (lab) => {
  await lab.startMiniupnpd();
  const maps = [`udp ${CLIENT_ADDRESS_IPV6} 4222`];
  const program = start(lab, { maps });
  await program.shows(new RegExp(`udp 4222 = global ${CLIENT_ADDRESS_IPV6} 4222 by pcp`));
  assert.equal(await lab.askFromWan("udp", CLIENT_ADDRESS_IPV6, 4222), "hello");
  await program.type("close");
  await program.status;
  await eventually(
    "the firewall is closed",
    async () => !(await lab.ruleset()).includes("dport 4222"),
  );
});
