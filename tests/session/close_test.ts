import assert from "node:assert/strict";
import { pattern, SessionPair, settle } from "../support/session_pair.ts";

Deno.test("close delivers what was written, then tells the peer", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  const write = channel.write(pattern(500_000, 1));
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  pair.left.session.close(0, "done");
  assert.throws(() => pair.left.session.open("late"), { code: "session-closed" });
  const received = new Response(accepted.readable).arrayBuffer();
  await pair.run();
  await pair.pass(100);
  await write;
  assert.deepEqual(new Uint8Array(await received), pattern(500_000, 1));
  assert.deepEqual(pair.left.closes, [{ code: 0, reason: "done", remote: false }]);
  assert.deepEqual(pair.right.closes, [{ code: 0, reason: "done", remote: true }]);
  assert.equal(pair.right.session.receive(new Uint8Array(1), pair.now), false);
});

Deno.test("who finds a session closed without a reason hears which side closed it", async () => {
  for (const [code, how] of [[0, ""], [300, " with code 300"]] as const) {
    const pair = new SessionPair();
    pair.attach();
    const channel = pair.left.session.open("x");
    await pair.run();
    const accepted = pair.right.requests[0]!.accept();
    await pair.run();
    pair.left.session.close(code);
    await pair.run();
    await pair.pass(100);
    await assert.rejects(channel.read(new Uint8Array(1)), {
      message: `the session ended: this side closed it${how}`,
    });
    await assert.rejects(accepted.write(new Uint8Array(1)), {
      message: `the session ended: the peer closed it${how}`,
    });
  }
});

Deno.test("close with a code ends at once, with the reason on both sides", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  const write = channel.write(pattern(1_000_000, 1));
  const read = accepted.read(new Uint8Array(1));
  read.catch(() => {});
  pair.left.session.close(300, "é".repeat(2000));
  await assert.rejects(write, { code: "session-closed" });
  await pair.run();
  await assert.rejects(read, { code: "session-closed", remoteCode: 300 });
  assert.equal(pair.right.closes[0]!.code, 300);
  assert.equal(pair.right.closes[0]!.reason, "é".repeat(512), "cut between characters");
});

Deno.test("bytes that arrived before the end can still be read", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  await channel.write(pattern(100, 1));
  await pair.run();
  pair.left.session.close(300, "bye");
  await pair.run();
  assert.equal(await accepted.read(new Uint8Array(200)), 100);
  await assert.rejects(accepted.read(new Uint8Array(200)), { code: "session-closed" });
});

Deno.test("close without a pipe, or twice, ends once", () => {
  const pair = new SessionPair();
  pair.left.session.close();
  pair.left.session.close(5, "again");
  assert.equal(pair.left.closes.length, 1);
  pair.left.session.attach(0);
  assert.equal(pair.left.session.pollTransmit(0), undefined);
});

Deno.test("an orderly close does not wait for ever", async () => {
  const pair = new SessionPair({ limits: { lingerMs: 3000 } });
  pair.attach();
  const channel = pair.left.session.open("x");
  channel.write(pattern(1_000_000, 1)).catch(() => {});
  await pair.run();
  pair.left.session.close();
  await pair.pass(2999);
  assert.deepEqual(pair.left.closes, []);
  await pair.pass(1);
  assert.equal(pair.left.closes.length, 1);
  assert.equal(pair.right.closes[0]!.remote, true);
});

Deno.test("an orderly close survives a cut", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await channel.write(pattern(5000, 1));
  pair.left.session.close();
  pair.left.drain(pair.now);
  pair.cut();
  assert.deepEqual(pair.left.closes, []);
  pair.attach();
  await pair.run();
  await pair.pass(100);
  const accepted = pair.right.requests[0]!.accept();
  assert.equal(await accepted.read(new Uint8Array(9000)), 5000);
  assert.equal(pair.left.closes.length, 1);
});

Deno.test("onTransmit is called once until pollTransmit has nothing more", async () => {
  const pair = new SessionPair();
  pair.attach();
  await pair.run();
  pair.left.transmits = 0;
  const channel = pair.left.session.open("x");
  for (let i = 0; i < 10; i++) await channel.write(new Uint8Array(100));
  assert.equal(pair.left.transmits, 1);
  pair.left.drain(pair.now);
  await channel.write(new Uint8Array(100));
  await settle();
  assert.equal(pair.left.transmits, 2);
});

Deno.test("a pipe that takes nothing more does not keep a session from ending", () => {
  const pair = new SessionPair({ limits: { lingerMs: 3000 } });
  pair.attach();
  pair.left.session.close(300, "at once");
  assert.equal(pair.left.session.pollTimeout(), 200);
  pair.left.session.handleTimeout(2999);
  assert.equal(pair.left.closes.length, 0);
  pair.left.session.handleTimeout(3000);
  assert.equal(pair.left.closes[0]!.code, 300);
});
