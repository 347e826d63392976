import assert from "node:assert/strict";
import { FrameType } from "../../cmd/dsh/protocol/frame.ts";
import type { Child } from "../../cmd/dsh/server/child.ts";
import { ClientLink } from "../../cmd/dsh/server/client_link.ts";
import { ProgramSession } from "../../cmd/dsh/server/program_session.ts";
import type { PeerChannel } from "../../cmd/peer/peer_channel.ts";

/** No process has it: the kernel numbers up to 2^22. */
const NO_PROCESS = 2 ** 30;
/** After so many pieces nobody else has had a turn. */
const MANY = 20_000;

/** A program that prints, at once and again and again, what the test says. */
function program(print: () => Uint8Array | null): Child & { closings: number } {
  const child = {
    ...{ pid: NO_PROCESS, closings: 0, status: Promise.resolve({ code: 0 }) },
    outputs: [{ type: FrameType.output, read }],
    ...{ writeNow: () => 0, write: () => Promise.resolve() },
    ...{ endInput() {}, resize() {}, signal() {}, release() {} },
    close() {
      child.closings++;
    },
  };
  function read() {
    return Promise.resolve(child.closings > 0 ? null : print());
  }
  return child;
}

Deno.test({
  name: "dsh's programs: a client that reads no more is gone, and holds up nobody",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const over = Promise.withResolvers<void>();
    const channel: PeerChannel = {
      ...{ name: "dsh://session", opened: Promise.resolve(), closed: over.promise },
      write: () => Promise.reject(new Error("the peer reads no more")),
      read: () => over.promise.then(() => null),
      ...{ closeWrite: () => Promise.resolve(), close() {} },
      reset: () => over.resolve(),
    };
    let pieces = 0;
    let isTurn = false;
    const session = new ProgramSession(
      program(() => isTurn || pieces++ > MANY ? null : new Uint8Array(1 << 20)),
      undefined,
      [],
    );
    const link = new ClientLink(channel);
    session.attach(link);
    const turn = setTimeout(() => isTurn = true, 0);
    assert.equal(await link.serve(session.actions), "gone");
    session.end();
    await session.finished;
    clearTimeout(turn);
    assert.ok(pieces < MANY, "nothing else had a turn");
  },
});

Deno.test({
  name: "dsh's programs: once nothing is left of one, ending it touches nobody",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = program(() => null);
    const session = new ProgramSession(child, undefined, []);
    await session.finished;
    const before = child.closings;
    session.end();
    assert.equal(child.closings, before);
  },
});
