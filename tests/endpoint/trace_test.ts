import assert from "node:assert/strict";
import { AttemptTrace, Tracer } from "../../lib/endpoint/trace.ts";
import { CheckTrace } from "../../lib/endpoint/trace_checks.ts";
import { IceAgent } from "../../lib/ice/mod.ts";
import { ConnectError, Endpoint, type EndpointOptions, type TraceEvent } from "../../mod.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { SimulatedClock } from "../support/simulated_clock.ts";
import { clockOf } from "../support/simulated_gathering.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

const ABSENT_ID = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

async function start(name: string, options: Partial<EndpointOptions> = {}): Promise<Endpoint> {
  return await Endpoint.start({
    identity: await throwawayIdentity(name),
    interfaces: ["lo"],
    discovery: false,
    ...options,
  });
}

/** Both sides' events of a connection over one transport, from the call to the last byte. */
async function tracedConnection(
  transport: "tcp" | "quic",
  authorize?: () => string | undefined,
): Promise<{ dialler: TraceEvent[]; listener: TraceEvent[]; peers: string[] }> {
  const dialler: TraceEvent[] = [], listener: TraceEvent[] = [];
  await using server = await start("server", {
    transport,
    trace: (event) => listener.push(event),
    ...(authorize ? { authorize } : {}),
  });
  const channels = server.accept("greeting");
  (async () => {
    for await (const channel of channels) await channel.closeWrite();
  })();
  await server.listen();
  await using client = await start("client", {
    transport,
    bootstrap: [`127.0.0.1:${server.status().dht.port}`],
    trace: (event) => dialler.push(event),
  });
  try {
    const channel = await client.connect(server.id, "greeting");
    await new Response(channel.readable).text();
  } catch (error) {
    assert.ok(error instanceof ConnectError);
  }
  return { dialler, listener, peers: [server.id, client.id] };
}

function ofType<T extends TraceEvent["type"]>(
  events: readonly TraceEvent[],
  type: T,
): Extract<TraceEvent, { type: T }>[] {
  return events.filter((event) => event.type === type) as Extract<TraceEvent, { type: T }>[];
}

/** Whether events of these types come in this order, others between them or not. */
function inOrder(events: readonly TraceEvent[], types: readonly TraceEvent["type"][]): void {
  let at = 0;
  for (const { type } of events) if (type === types[at]) at++;
  assert.equal(at, types.length, `no ${types[at]} in its place: ${events.map((e) => e.type)}`);
}

for (const transport of ["tcp", "quic"] as const) {
  Deno.test(`both sides tell how they came together, transport ${transport}`, async () => {
    const { dialler, listener, peers } = await tracedConnection(transport);
    inOrder(dialler, [
      ...["begin", "dht", "gathering", "candidate", "gathered", "request", "answer"] as const,
      ...["candidate", "pair", "check", "nominated", "pipe", "session", "channel"] as const,
    ]);
    inOrder(listener, [
      "begin",
      "gathering",
      "answer",
      "candidate",
      "pair",
      "nominated",
      "session",
    ]);
    for (const [events, peer] of [[dialler, peers[0]], [listener, peers[1]]] as const) {
      assert.ok(events.every((event) => event.attempt === 1 && event.peer === peer));
      const sides = ofType(events, "candidate").map(({ side }) => side);
      assert.deepEqual([...new Set(sides)].sort(), ["local", "remote"]);
      const pairs = ofType(events, "pair");
      assert.ok(pairs.some(({ valid, roundTripMs }) => valid && roundTripMs! >= 0));
      // No state of a pair is told twice.
      for (let i = 1; i < pairs.length; i++) assert.notDeepEqual(pairs[i], pairs[i - 1]);
      const [nominated] = ofType(events, "nominated");
      assert.equal(nominated?.transport, transport === "tcp" ? "tcp" : "udp");
      const running = ofType(events, "session").find(({ state }) => state === "running");
      assert.ok(running?.state === "running");
      const pipes = ofType(events, "pipe").filter(({ kind }) => kind === transport);
      assert.deepEqual(pipes.map(({ state }) => state), ["opening", "open"]);
    }
    assert.deepEqual(new Set(dialler.map(({ purpose }) => purpose)), new Set(["connect"]));
    assert.deepEqual(new Set(listener.map(({ purpose }) => purpose)), new Set(["answer"]));
    assert.deepEqual(ofType(dialler, "channel").map(({ state }) => state), [
      "requested",
      "accepted",
    ]);
    const checks = ofType(dialler, "check");
    const nominations = checks.filter(({ nominating }) => nominating);
    assert.ok(nominations.length > 0);
    assert.ok(
      nominations.every(({ direction, message }) => direction === "sent" && message === "request"),
    );
    const times = dialler.filter(({ type }) => type !== "candidate").map(({ at }) => at);
    assert.deepEqual(times, times.toSorted((a, b) => a - b), "what happens is told at once");
  });
}

Deno.test("a refusal is told on both sides, with its reason", async () => {
  const { dialler, listener } = await tracedConnection("tcp", () => "not today");
  const [answer] = ofType(dialler, "answer");
  assert.ok(answer?.accepted === false && answer.reason === "not today");
  const last = dialler.at(-1);
  assert.ok(last?.type === "failed" && last.code === "refused");
  const [ours] = ofType(listener, "answer");
  assert.ok(ours?.accepted === false && ours.reason === "not today");
});

Deno.test("a dial that comes to nothing ends with the reason that its caller gets", async () => {
  const events: TraceEvent[] = [];
  await using node = await start("server");
  await using client = await start("client", {
    bootstrap: [`127.0.0.1:${node.status().dht.port}`],
    trace: (event) => events.push(event),
  });
  const error = await client.connect(ABSENT_ID, "greeting", { timeoutMs: 500 }).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(error instanceof ConnectError);
  // The dial ends a turn after its last caller has left.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const last = events.at(-1);
  assert.ok(last?.type === "failed", JSON.stringify(last));
  assert.equal(last.reason, error.message);
  assert.equal(last.code, error.code);
});

function tracer(events: TraceEvent[], clock: SimulatedClock): Tracer {
  const observers = new Set<() => void>();
  return new Tracer((event) => events.push(event), clockOf(clock), {
    status: () => ({ status: "connecting", nodes: observers.size }),
    onStatusChange: (observer) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
  });
}

Deno.test("times count from the beginning of each attempt, and attempts from 1", () => {
  const events: TraceEvent[] = [], clock = new SimulatedClock();
  const traces = tracer(events, clock);
  const first = traces.begin("connect", "a");
  clock.run(clock.now + 7);
  const second = traces.begin("answer", "b");
  clock.run(clock.now + 5);
  first.step({ type: "gathering" });
  second.step({ type: "gathering" });
  second.step({ type: "gathering" }, clock.now - 9);
  assert.deepEqual(
    events.map(({ attempt, peer, at, type }) => [attempt, peer, at, type]),
    [
      [1, "a", 0, "begin"],
      [2, "b", 0, "begin"],
      [1, "a", 12, "gathering"],
      [2, "b", 5, "gathering"],
      [2, "b", -4, "gathering"],
    ],
  );
});

Deno.test("the DHT is followed until there is an answer", () => {
  const events: TraceEvent[] = [];
  let observer: (() => void) | undefined;
  const traces = new Tracer((event) => events.push(event), clockOf(new SimulatedClock()), {
    status: () => ({ status: "connected", nodes: 3 }),
    onStatusChange: (one) => {
      observer = one;
      return () => void (observer = undefined);
    },
  });
  const trace = traces.begin("connect", "a");
  trace.followDht();
  observer!();
  assert.equal(ofType(events, "dht").length, 2);
  trace.step({ type: "answer", accepted: true });
  assert.equal(observer, undefined);
});

Deno.test("a listener that throws does no harm", () => {
  const traces = new Tracer(
    () => {
      throw new Error("full disk");
    },
    clockOf(new SimulatedClock()),
    { status: () => ({ status: "connected", nodes: 0 }), onStatusChange: () => () => {} },
  );
  traces.begin("connect", "a").failed(new Error("no path"));
});

Deno.test("any bytes may come where checks are traced", () => {
  let steps = 0;
  const trace = new AttemptTrace(() => steps++, {
    status: () => ({ status: "connected", nodes: 0 }),
    onStatusChange: () => () => {},
  });
  const checks = new CheckTrace(trace);
  const random = seededRandom("any bytes");
  const path = {
    transport: "udp",
    local: { ip: "127.0.0.1", port: 1 },
    remote: { ip: "127.0.0.1", port: 2 },
  } as const;
  for (let i = 0; i < 2_000; i++) {
    const bytes = random(20 + 4 * (i % 20));
    // A header that looks right.
    bytes.set([i & 1, 1, 0, bytes.length - 20, 0x21, 0x12, 0xa4, 0x42]);
    checks.packet("received", bytes, path);
  }
  const before = steps;
  checks.packet("received", new Uint8Array(0), path);
  assert.equal(steps, before);
});

Deno.test("a pair is told when it is new and when its state changes, not in between", () => {
  const steps: string[] = [];
  const trace = new AttemptTrace((step) => {
    if (step.type === "pair") steps.push(`${step.local.port} ${step.state}`);
  }, {
    status: () => ({ status: "connected", nodes: 0 }),
    onStatusChange: () => () => {},
  });
  const random = seededRandom("pairs");
  const [ours, theirs] = [true, false].map((controlling) =>
    new IceAgent({ controlling, random, now: 0 })
  ) as [IceAgent, IceAgent];
  ours.addLocalCandidate({
    transport: "udp",
    type: "host",
    address: { ip: "192.0.2.1", port: 4000 },
  });
  ours.setRemote(theirs.local);
  ours.addRemoteCandidate(
    theirs.addLocalCandidate({
      transport: "udp",
      type: "host",
      address: { ip: "192.0.2.2", port: 5000 },
    }),
  );
  const checks = new CheckTrace(trace);
  checks.pairs(ours.pairs());
  checks.pairs(ours.pairs());
  ours.handleTimeout(0);
  checks.pairs(ours.pairs());
  checks.pairs(ours.pairs());
  assert.deepEqual(steps, ["4000 waiting", "4000 in-progress"]);
});

Deno.test("servers that are of no use are named", async () => {
  const dialler: TraceEvent[] = [];
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await using node = await start("server");
  await using client = await start("client", {
    transport: "auto",
    bootstrap: [`127.0.0.1:${node.status().dht.port}`],
    stun: [`127.0.0.1:${(silent.addr as Deno.NetAddr).port}`],
    trace: (event) => dialler.push(event),
  });
  await client.connect(ABSENT_ID, "greeting", { timeoutMs: 1_500 }).catch(() => {});
  silent.close();
  const [gathered] = ofType(dialler, "gathered");
  assert.equal(gathered?.problems.length, 1, JSON.stringify(gathered));
  assert.match(gathered.problems[0]!, /no STUN server answered \(127\.0\.0\.1:\d+\)/);
});
