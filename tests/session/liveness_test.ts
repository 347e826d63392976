import assert from "node:assert/strict";
import { SessionCode } from "../../lib/session/mod.ts";
import { pattern, SessionPair, settle } from "../support/session_pair.ts";

Deno.test("an idle session pings, more and more rarely, learns the round trip, and stays", async () => {
  const pair = new SessionPair({ limits: { pingMs: 5_000, idlePingMs: 20_000 } });
  pair.attach();
  await pair.run();
  const minute = async () => {
    const before = pair.left.session.stats.bytesSent;
    await pair.pass(60_000);
    return (pair.left.session.stats.bytesSent - before) / 45;
  };
  const first = await minute();
  assert.equal(pair.left.session.stats.roundTripMs, 0);
  assert.ok(first >= 4 && first <= 6, `${first} pings in the first idle minute`);
  assert.equal(await minute(), 3);
  // What is said brings them back to their usual pace.
  void pair.left.session.open("x").write(Uint8Array.of(1));
  await pair.run();
  assert.ok(await minute() > 3);
  assert.deepEqual([pair.left.losses, pair.right.losses], [[], []]);
});

Deno.test("whoever sends datagrams learns as soon that the peer is gone as in a busy session", async () => {
  const pair = new SessionPair({
    limits: { pingMs: 5_000, idlePingMs: 20_000, silenceMs: 4_000 },
  });
  pair.attach();
  await pair.run();
  for (const side of [pair.left, pair.right]) {
    await pair.pass(120_000);
    const begin = pair.now;
    assert.equal(side.session.sentBeside(pair.now), true);
    assert.equal(side.session.sentBeside(pair.now), false);
    const due = side.session.pollTimeout()!;
    assert.ok(due > begin && due <= begin + 5_000, `${due - begin} ms`);
  }
});

Deno.test("the acceptor leaves pings to the initiator, and pings when those are missing", async () => {
  const pair = new SessionPair({ limits: { pingMs: 5_000, idlePingMs: 5_000, silenceMs: 4_000 } });
  pair.attach();
  await pair.run();
  await pair.pass(60_000);
  const answers = pair.right.session.stats.bytesSent;
  await pair.pass(30_000);
  assert.equal(pair.right.session.stats.bytesSent - answers, 6 * 45);
  // The initiator goes silent: the acceptor asks, and has its own answer awaited.
  const begin = pair.now;
  const lostAt = expire(pair, () => pair.right.losses.length > 0, pair.right);
  assert.deepEqual(pair.right.losses, ["silent"]);
  assert.ok(lostAt - begin <= 1.25 * 5_000 + 4_000, `${lostAt - begin} ms`);
});

Deno.test("an acceptor whose session is busy goes on measuring the round trip", async () => {
  const pair = new SessionPair({ limits: { pingMs: 5_000, idlePingMs: 5_000 } });
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  pair.right.requests[0]!.accept();
  const pings = async (isBusy: boolean) => {
    const before = pair.right.session.stats.bytesSent;
    for (let second = 0; second < 60; second++) {
      if (isBusy) await channel.write(pattern(10, second));
      await pair.run();
      await pair.pass(1_000);
    }
    return pair.right.session.stats.bytesSent - before;
  };
  const acknowledgements = 60 * 37;
  assert.ok(await pings(true) - acknowledgements >= 20 * 45);
  assert.ok(await pings(false) <= 14 * 45);
});

Deno.test("the round trip is the time from PING to PONG", () => {
  const pair = new SessionPair();
  pair.attach();
  pair.move(pair.left);
  pair.move(pair.right);
  pair.now = 200;
  pair.left.session.handleTimeout(pair.now);
  pair.move(pair.left);
  pair.now = 235;
  pair.move(pair.right);
  assert.equal(pair.left.session.stats.roundTripMs, 35);
});

Deno.test("silence while an acknowledgement is due: the path is lost after 10 s", async () => {
  const pair = new SessionPair();
  pair.attach();
  await pair.run();
  await pair.pass(300);
  pair.left.session.open("x");
  pair.left.drain(pair.now);
  const lostAt = expire(pair, () => pair.left.losses.length > 0);
  assert.deepEqual(pair.left.losses, ["silent"]);
  assert.equal(lostAt - 300, 10_000);
  assert.equal(pair.left.session.hasPipe, false);
});

Deno.test("where answers came quickly, a shorter silence is a loss", async () => {
  for (const [roundTripMs, expected] of [[35, 2_500], [400, 3_200], [900, 4_000]] as const) {
    const pair = new SessionPair({ limits: { silenceMs: 4_000, quickSilenceMs: 2_500 } });
    pair.attach();
    pair.move(pair.left);
    pair.move(pair.right);
    pair.now = 200;
    pair.left.session.handleTimeout(pair.now);
    pair.move(pair.left);
    pair.now += roundTripMs;
    pair.move(pair.right);
    await settle();
    pair.left.session.open("x");
    pair.left.drain(pair.now);
    const begin = pair.now;
    assert.equal(expire(pair, () => pair.left.losses.length > 0) - begin, expected);
  }
});

Deno.test("a new pipe is given the full time until its own round trip is known", () => {
  const pair = new SessionPair({ limits: { silenceMs: 4_000, quickSilenceMs: 2_500 } });
  pair.attach();
  pair.move(pair.left);
  pair.move(pair.right);
  pair.now = 200;
  pair.left.session.handleTimeout(pair.now);
  pair.move(pair.left);
  pair.move(pair.right);
  pair.left.session.attach(pair.now);
  pair.left.drain(pair.now);
  assert.equal(expire(pair, () => pair.left.losses.length > 0), 4_200);
});

Deno.test("an unanswered ATTACH is a lost path too", () => {
  const pair = new SessionPair();
  pair.left.session.attach(0);
  pair.left.drain(0);
  assert.equal(expire(pair, () => pair.left.losses.length > 0), 10_000);
});

Deno.test("a record that takes long over a slow path is no silence", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  channel.write(pattern(60_000, 1));
  const flight = pair.left.drain(0);
  pair.left.session.receive(pair.right.drain(0), 0);
  for (let at = 0; at < flight.length; at += 1000) {
    pair.now += 1000;
    pair.right.session.receive(flight.subarray(at, at + 1000), pair.now);
    pair.right.session.handleTimeout(pair.now);
    pair.left.session.handleTimeout(pair.now);
    pair.left.session.receive(pair.right.drain(pair.now), pair.now);
    pair.left.drain(pair.now);
  }
  await settle();
  assert.deepEqual([pair.left.losses, pair.right.losses], [[], []]);
  assert.equal(pair.right.requests.length, 1);
});

Deno.test("without a new pipe the session ends after resumeMs, with its channels", async () => {
  const pair = new SessionPair({ limits: { resumeMs: 30_000 } });
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  pair.now = 1000;
  pair.cut();
  const read = channel.read(new Uint8Array(1));
  read.catch(() => {});
  assert.equal(expire(pair, () => pair.left.closes.length > 0), 31_000);
  assert.equal(pair.left.closes[0]!.code, SessionCode.resumeTimeout);
  await assert.rejects(read, { code: "session-closed" });
  assert.throws(() => pair.left.session.open("y"), { code: "session-closed" });
  assert.equal(pair.left.session.pollTimeout(), undefined);
});

Deno.test("a session that never gets its first pipe ends as well", () => {
  const pair = new SessionPair();
  assert.equal(expire(pair, () => pair.left.closes.length > 0), 60_000);
});

Deno.test("an acknowledgement rides on data, or goes alone after 40 ms", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  await pair.pass(100);
  await channel.write(pattern(10, 1));
  pair.move(pair.left);
  assert.equal(pair.right.drain(pair.now).length, 0);
  assert.ok(pair.left.session.stats.unacknowledgedBytes > 0);
  await accepted.write(pattern(10, 1));
  pair.move(pair.right);
  assert.equal(pair.left.session.stats.unacknowledgedBytes, 0);
  assert.equal(pair.left.session.pollTimeout(), pair.now + 40);
  await pair.pass(40);
  assert.equal(pair.right.session.stats.unacknowledgedBytes, 0);
});

/** Runs only the timers of the left session until something holds; the time then. */
function expire(pair: SessionPair, until: () => boolean, end = pair.left): number {
  for (let steps = 0; steps < 1000 && !until(); steps++) {
    pair.now = Math.max(pair.now, end.session.pollTimeout()!);
    end.session.handleTimeout(pair.now);
    end.drain(pair.now);
  }
  assert.ok(until());
  return pair.now;
}
