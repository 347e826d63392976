import assert from "node:assert/strict";
import { areCompatible, type Candidate, type LocalCandidate } from "../../lib/ice/candidate.ts";
import { Checklist } from "../../lib/ice/checklist.ts";
import { CheckPacer, MAX_DEBT } from "../../lib/ice/pacer.ts";

function local(port: number, over: Partial<LocalCandidate> = {}): LocalCandidate {
  const base = { ip: "10.0.0.1", port };
  return {
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 1000 * port,
    address: base,
    type: "host",
    base,
    localPreference: port,
    ...over,
  };
}

function remote(port: number, over: Partial<Candidate> = {}): Candidate {
  return {
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 1000 * port,
    address: { ip: "10.0.0.2", port },
    type: "host",
    ...over,
  };
}

Deno.test("pairs stand in the order of their priority, which depends on the role", () => {
  const list = new Checklist(100, true);
  const better = list.add(local(1), remote(2))!;
  const worse = list.add(local(1, { priority: 500 }), remote(3, { priority: 5000 }));
  assert.equal(list.pairs[0], better);
  assert.equal(list.pairs[1], worse);
  const left = list.add(local(7), remote(5))!;
  const right = list.add(local(5), remote(7))!;
  assert.equal(list.pairs[0], left, "controlling: G > D");
  list.setControlling(false);
  assert.equal(list.pairs[0], right);
});

Deno.test("of pairs with the same base and remote candidate the better stays", () => {
  const list = new Checklist(100, true);
  const peer = remote(1);
  const host = local(5);
  const reflexive = local(5, {
    type: "srflx",
    priority: 100,
    address: { ip: "198.51.100.1", port: 9 },
  });
  assert.ok(list.add(host, peer));
  assert.equal(list.add(reflexive, peer), undefined);
  assert.equal(list.pairs.length, 1);
  const other = remote(2);
  const early = list.add(reflexive, other)!;
  assert.equal(list.add(host, other), undefined);
  assert.equal(early.local, host, "not checked yet: the better candidate takes its place");
  assert.equal(list.pairs.length, 2);
  assert.deepEqual(early.path?.local, host.base, "checks leave from the base");
});

Deno.test("the list is limited; the worst pairs give way, those in use do not", () => {
  const list = new Checklist(3, true);
  for (let port = 1; port <= 3; port++) list.add(local(9), remote(port));
  assert.equal(list.add(local(8, { priority: 1 }), remote(1)), undefined);
  const better = list.add(local(9), remote(7))!;
  assert.equal(list.pairs.length, 3);
  assert.equal(list.pairs[0], better);
  assert.ok(!list.pairs.some((pair) => pair.remote.address.port === 1));
  for (const pair of list.pairs) pair.state = "in-progress";
  assert.equal(list.add(local(9), remote(9)), undefined);
});

Deno.test("the best pair of each foundation waits, the others are frozen", () => {
  const list = new Checklist(100, true);
  const states = () => list.pairs.map((pair) => `${pair.remote.address.port} ${pair.state}`);
  list.add(local(9), remote(1));
  list.add(local(9), remote(3));
  list.add(local(9), remote(2));
  list.add(local(9), remote(4, { foundation: "other" }));
  assert.deepEqual(states(), ["4 waiting", "3 waiting", "2 frozen", "1 frozen"]);
});

Deno.test("success unfreezes the foundation, also for pairs that come later", () => {
  const list = new Checklist(100, true);
  const first = list.add(local(9), remote(5))!;
  list.add(local(9), remote(4));
  list.add(local(9), remote(3, { foundation: "other" }));
  const alien = list.add(local(9), remote(2, { foundation: "other" }))!;
  first.state = "succeeded";
  list.unfreeze(first.foundation);
  assert.equal(list.pairs[1]?.state, "waiting");
  assert.equal(alien.state, "frozen");
  assert.equal(list.add(local(9), remote(1))?.state, "waiting");
});

Deno.test("ordinary checks: waiting pairs, then frozen ones whose foundation nobody checks", () => {
  const list = new Checklist(100, true);
  const first = list.add(local(9), remote(5))!;
  const second = list.add(local(9), remote(4))!;
  const other = list.add(local(9), remote(3, { foundation: "other" }))!;
  assert.equal(list.nextOrdinary(), first);
  first.state = "in-progress";
  assert.equal(list.nextOrdinary(), other);
  other.state = "in-progress";
  assert.equal(list.nextOrdinary(), undefined, "the second shares the first one's foundation");
  first.state = "failed";
  assert.equal(list.nextOrdinary(), second);
});

Deno.test("the triggered-check queue is first in, first out, each pair once", () => {
  const list = new Checklist(100, true);
  const first = list.add(local(9), remote(5))!;
  const second = list.add(local(9), remote(4))!;
  second.state = "failed";
  second.outcome = "no answer";
  list.trigger(second);
  list.trigger(first);
  list.trigger(second);
  assert.equal(second.state, "waiting");
  assert.equal(second.outcome, undefined);
  assert.deepEqual([list.takeTriggered(), list.takeTriggered(), list.takeTriggered()], [
    second,
    first,
    undefined,
  ]);
});

Deno.test("a nominated pair remains alone", () => {
  const list = new Checklist(100, true);
  const first = list.add(local(9), remote(5))!;
  const second = list.add(local(9), remote(4))!;
  list.trigger(second);
  assert.deepEqual(list.keepOnly(first), [second]);
  assert.deepEqual(list.pairs, [first]);
  assert.ok(!list.hasTriggered);
});

Deno.test("which candidates can meet", () => {
  const at = (ip: string, over: Partial<LocalCandidate> = {}) =>
    local(1, { address: { ip, port: 1 }, base: { ip, port: 1 }, ...over });
  const meet = (a: LocalCandidate, b: LocalCandidate) => areCompatible(a, b);
  const tcp = (tcpType: "active" | "passive" | "so") => ({ transport: "tcp", tcpType }) as const;
  assert.ok(meet(at("10.0.0.1"), at("198.51.100.1")));
  assert.ok(!meet(at("10.0.0.1"), at("2001:db8::1")));
  assert.ok(meet(at("fe80::1"), at("fe80::2")));
  assert.ok(!meet(at("fe80::1"), at("2001:db8::2")));
  assert.ok(!meet(at("2001:db8::2"), at("fe80::1")));
  assert.ok(meet(at("127.0.0.1"), at("127.0.0.1")));
  assert.ok(!meet(at("127.0.0.1"), at("10.0.0.1")));
  assert.ok(!meet(at("10.0.0.1"), at("10.0.0.2", tcp("passive"))));
  assert.ok(meet(at("10.0.0.1", tcp("active")), at("10.0.0.2", tcp("passive"))));
  assert.ok(meet(at("10.0.0.1", tcp("passive")), at("10.0.0.2", tcp("active"))));
  assert.ok(meet(at("10.0.0.1", tcp("so")), at("10.0.0.2", tcp("so"))));
  assert.ok(!meet(at("10.0.0.1", tcp("active")), at("10.0.0.2", tcp("active"))));
  assert.ok(!meet(at("10.0.0.1", tcp("passive")), at("10.0.0.2", tcp("so"))));
});

Deno.test("the pacer: the first at once, triggered checks on credit, the average kept", () => {
  const pacer = new CheckPacer(1);
  assert.equal(pacer.intervalMs, 5);
  assert.ok(pacer.ordinaryAt <= 0);
  pacer.take(0);
  assert.equal(pacer.ordinaryAt, 5);
  let sent = 1;
  while (pacer.triggeredAt <= 0) {
    pacer.take(0);
    sent++;
  }
  assert.equal(sent, MAX_DEBT + 1);
  assert.equal(pacer.ordinaryAt, 5 * sent, "the others wait until the debt is paid");
});

Deno.test("the pacer: a burst keeps the average", () => {
  const pacer = new CheckPacer(5, 4);
  const times: number[] = [];
  for (let now = 0; now <= 25; now++) {
    while (pacer.ordinaryAt <= now) {
      pacer.take(now);
      times.push(now);
    }
  }
  assert.deepEqual(times, [0, 0, 0, 0, 5, 10, 15, 20, 25]);
});
