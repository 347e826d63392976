import assert from "node:assert/strict";
import { rehearsePackets } from "../../../cmd/dvpn/data/rehearsal.ts";

const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("dvpn rehearses with packets that all come back, once, and leaves nothing open", async () => {
  const before = descriptors();
  const signal = new AbortController().signal;
  const came = await rehearsePackets(signal);
  assert.ok(came >= 1_000, `${came} came back`);
  assert.equal(await rehearsePackets(signal), 0);
  // What waits for descriptors stays, for the next one: an epoll instance and what wakes it.
  assert.ok(descriptors() <= before + 3, `${before} before, ${descriptors()} now`);
});
