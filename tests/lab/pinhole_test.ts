/** IPv6 needs no NAT, but routers have firewalls: those that speak PCP let a listener's peers in. */
import assert from "node:assert/strict";
import { eventually, run } from "./command.ts";
import { dncNetwork } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

natLabTest(
  "a listener's IPv6 ports are let through the firewall while it runs",
  {
    sites: [
      { name: "inside", nat: "moderate", families: [4, 6], mapping: { upnp: false } },
      { name: "outside", nat: "none", families: [4, 6] },
    ],
  },
  async (lab) => {
    const inside = lab.site("inside"), outside = lab.site("outside");
    const { ipv6 } = inside.addresses;
    const listening = async () => {
      const lines = await run(...inside.inside("ss", "-Htln", "src", `[${ipv6}]`));
      return [...lines.matchAll(/\]:(\d+)/g)].map(([, port]) => port!);
    };
    const gets = async (port: string) => {
      const target = `TCP6:[${ipv6}]:${port},connect-timeout=1`;
      // A port that no call uses yet is closed again at once.
      return (await outside.background("socat", "-u", target, "OPEN:/dev/null").status).success;
    };
    const { args } = dncNetwork(lab, inside);
    const dnc = await inside.dnc(["-l", ...args]);
    await dnc.listening();
    let port: string | undefined;
    await eventually("a port is let through", async () => {
      // The port for those who have called before is for the same network only.
      for (port of await listening()) if (await gets(port)) return true;
      return false;
    }, 10_000);
    const rules = () => run(...inside.router.namespace.inside("nft", "list", "ruleset"));
    const opened = new RegExp(`dport ${port!} .* accept`);
    assert.match(await rules(), opened);
    dnc.kill("SIGTERM");
    await dnc.exit();
    assert.doesNotMatch(await rules(), opened, "the router is as it was");
  },
);
