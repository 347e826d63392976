import assert from "node:assert/strict";
import { interfacePlan } from "../../../cmd/dvpn/plan/interface_plan.ts";
import type { Action } from "../../../cmd/dvpn/plan/action.ts";
import { AppliedPlan, type PlanHost } from "../../../cmd/dvpn/plan/network_plan.ts";
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

/** Notes what it is told to do; some of it fails. */
class NotedHost implements PlanHost {
  readonly ran: string[] = [];
  readonly remembered: string[] = [];
  readonly #failing: readonly string[];

  constructor(...failing: string[]) {
    this.#failing = failing;
  }

  perform(action: Action): Promise<void> {
    const [name] = action as readonly string[];
    this.ran.push(name!);
    return this.#failing.includes(name!)
      ? Promise.reject(new Error(`${name} failed`))
      : Promise.resolve();
  }

  undo(action: Action): Promise<void> {
    return this.perform(action);
  }

  remember(undo: readonly Action[]): Promise<(failed: readonly Action[]) => Promise<void>> {
    const name = (action: Action) => (action as readonly string[])[0]!;
    this.remembered.push(...undo.map(name));
    return Promise.resolve((failed) => {
      this.remembered.splice(0, Infinity, ...failed.map(name));
      return Promise.resolve();
    });
  }
}

Deno.test("dvpn plan: what was made is undone, last first", async () => {
  const host = new NotedHost();
  const plan = [{ apply: ["a"], undo: ["-a"] }, { apply: ["b"] }, { apply: ["c"], undo: ["-c"] }];
  const applied = await AppliedPlan.apply(plan, host);
  assert.deepEqual(host.remembered, ["-c", "-a"]);
  await applied.undo();
  await applied.undo();
  assert.deepEqual(host.remembered, []);
  assert.deepEqual(host.ran, ["a", "b", "c", "-c", "-a"]);
});

Deno.test("dvpn plan: what goes with the interface is not for the journal", async () => {
  const host = new NotedHost();
  const step = { apply: ["a"], undo: ["-a"], isTransient: true };
  const applied = await AppliedPlan.apply([step, { apply: ["b"], undo: ["-b"] }], host);
  assert.deepEqual(host.remembered, ["-b"]);
  await applied.undo();
  assert.deepEqual(host.ran, ["a", "b", "-b", "-a"]);
});

Deno.test("dvpn plan: a step that fails undoes those before it, and none keeps others from it", async () => {
  const host = new NotedHost("c", "-b");
  const plan = ["a", "b", "c", "d"].map((name) => ({ apply: [name], undo: [`-${name}`] }));
  await assert.rejects(AppliedPlan.apply(plan, host), /c failed/);
  assert.deepEqual(host.remembered, ["-b"]);
  assert.deepEqual(host.ran, ["a", "b", "c", "-b", "-a"]);
});

Deno.test("dvpn plan: only what was undone is forgotten; the rest is tried again", async () => {
  const host = new NotedHost("-b", "-c");
  const plan = ["a", "b", "c"].map((name) => ({ apply: [name], undo: [`-${name}`] }));
  const applied = await AppliedPlan.apply(plan, host);
  await applied.undo();
  assert.deepEqual(host.remembered, ["-c", "-b"]);
  host.ran.length = 0;
  await applied.undo();
  assert.deepEqual(host.ran, ["-c", "-b"]);
  assert.deepEqual(host.remembered, ["-c", "-b"]);
});
