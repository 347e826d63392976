import assert from "node:assert/strict";
import { interfacePlan } from "../../../cmd/dvpn/plan/interface_plan.ts";
import { AppliedPlan } from "../../../cmd/dvpn/plan/network_plan.ts";
import { showPlan } from "../../../cmd/dvpn/plan/show_plan.ts";

const WISH = {
  device: "dvpn0",
  mtu: 1380,
  addresses: [{ family: 4, ip: "10.80.77.2", prefix: 24 }, {
    family: 6,
    ip: "fd01::2",
    prefix: 64,
  }],
  reach: [{ family: 4, ip: "10.80.77.1", prefix: 32 }, { family: 4, ip: "10.60.0.1", prefix: 32 }],
} as const;

Deno.test("dvpn plan: addresses, link, and routes to what no address's network holds", () => {
  assert.equal(
    showPlan(interfacePlan(WISH)),
    [
      "ip link set dev dvpn0 addrgenmode none",
      "ip link set dev dvpn0 mtu 1380",
      "ip address add 10.80.77.2/24 dev dvpn0",
      "ip address add fd01::2/64 dev dvpn0 nodad",
      "ip link set dev dvpn0 up",
      "ip route add 10.60.0.1/32 dev dvpn0",
      "",
    ].join("\n"),
  );
});

Deno.test("dvpn plan: what was made is undone, last first", async () => {
  const ran: string[] = [];
  const run = (command: readonly string[]) => {
    ran.push(command.join(" "));
    return Promise.resolve();
  };
  const plan = [{ apply: ["a"], undo: ["-a"] }, { apply: ["b"] }, { apply: ["c"], undo: ["-c"] }];
  const applied = await AppliedPlan.apply(plan, run);
  await applied.undo();
  await applied.undo();
  assert.deepEqual(ran, ["a", "b", "c", "-c", "-a"]);
});

Deno.test("dvpn plan: a step that fails undoes those before it, and none keeps others from it", async () => {
  const ran: string[] = [];
  const run = (command: readonly string[]) => {
    ran.push(command.join(" "));
    return ["c", "-b"].includes(command[0]!)
      ? Promise.reject(new Error(`${command[0]} failed`))
      : Promise.resolve();
  };
  const plan = ["a", "b", "c", "d"].map((name) => ({ apply: [name], undo: [`-${name}`] }));
  await assert.rejects(AppliedPlan.apply(plan, run), /c failed/);
  assert.deepEqual(ran, ["a", "b", "c", "-b", "-a"]);
});
