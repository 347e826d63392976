import assert from "node:assert/strict";
import { encodeServerGreeting } from "../../../cmd/dvpn/data/greeting.ts";
import { Meetings } from "../../../cmd/dvpn/mesh/meetings.ts";
import { meshNetwork } from "../../../cmd/dvpn/mesh/member_addresses.ts";
import { Roster } from "../../../cmd/dvpn/mesh/roster.ts";
import { RuleBook } from "../../../cmd/dvpn/rules/rule_book.ts";
import type { VpnContext } from "../../../cmd/dvpn/vpn_context.ts";
import type { IncomingChannel, PeerChannel } from "../../../cmd/peer/peer_channel.ts";
import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { MemoryDevice } from "./memory_device.ts";

const SMALL = "1".repeat(64);
const GREAT = "9".repeat(64);

/** A channel to a member that greets when it is told to, and says nothing more. */
class QuietChannel {
  isReset = false;
  readonly #ended = Promise.withResolvers<null>();
  readonly #greeting = Promise.withResolvers<Uint8Array>();
  #reads = 0;

  greet(roster: Roster): void {
    const own = roster.own;
    const member = [...roster.members][0]!.addresses;
    const greeting = { mtu: 1380, segmentsUdp: true, client: own, server: member };
    this.#greeting.resolve(encodeServerGreeting(greeting));
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#reads++ > 0) return await this.#ended.promise;
    const bytes = await Promise.race([this.#greeting.promise, this.#ended.promise]);
    if (bytes !== null) into.set(bytes);
    return bytes?.length ?? null;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  reset(): void {
    this.isReset = true;
    this.#ended.resolve(null);
  }
}

for (const [ours, theirs, winner] of [[SMALL, GREAT, "theirs"], [GREAT, SMALL, "ours"]] as const) {
  Deno.test(`dvpn meetings: both have called, our id is ${ours[0]}, theirs ${theirs[0]}: one call counts`, async () => {
    const roster = new Roster(meshNetwork("test"), ours, [theirs], [4, 6]);
    const [member] = roster.members;
    const connected = Promise.withResolvers<PeerChannel>();
    const datagrams = { maxBytes: 0, send: () => false, onDatagram: () => {}, close: () => {} };
    const stop = new AbortController();
    const context = {
      device: Object.assign(new MemoryDevice(), { name: "t0" }),
      endpoint: {
        id: ours,
        connect: () => connected.promise,
        status: () => ({ dht: { port: 1 }, sessions: [] }),
        datagrams: () => datagrams,
      },
      settings: { device: "t0", mtu: 1380, carry: "auto", script: undefined },
      report: { notice: () => {}, detail: () => {} },
      rules: await RuleBook.open(undefined),
      signal: stop.signal,
    } as unknown as VpnContext;
    const options = { name: "test", roster, authorize: () => undefined, timeoutMs: undefined };
    const ended = Promise.withResolvers<void>();
    const meetings = new Meetings(context, options, {
      linked: () => ended.promise,
      unreached: () => {},
    });
    const calls = { ours: new QuietChannel(), theirs: new QuietChannel() };
    meetings.call(member!);
    void meetings.take({
      peer: { id: theirs, chainIds: [theirs] },
      name: "dvpn-mesh://test",
      accept: () => calls.theirs,
    } as unknown as IncomingChannel);
    // It had succeeded before it could be ended.
    connected.resolve(calls.ours as unknown as PeerChannel);
    await turnOfEventLoop();
    calls[winner].greet(roster);
    for (let turn = 0; turn < 4; turn++) await turnOfEventLoop();
    assert.ok(member!.link !== undefined);
    assert.deepEqual(
      [calls.ours.isReset, calls.theirs.isReset],
      [winner !== "ours", winner !== "theirs"],
    );
    stop.abort();
    ended.resolve();
    await turnOfEventLoop();
  });
}
