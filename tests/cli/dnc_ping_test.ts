import assert from "node:assert/strict";
import { DncProcess } from "../../cmd/demo/dnc_process.ts";
import { ping, type PingOptions } from "../../cmd/dnc/ping.ts";
import type { PeerEndpoint, PeerPath } from "../../cmd/peer/peer_channel.ts";
import {
  MAX_ECHOED_BYTES,
  MAX_PING_CHANNELS,
  PING_CHANNEL,
  withoutPings,
} from "../../cmd/dnc/ping_service.ts";
import { ToolError } from "../../cmd/tool/exit_code.ts";
import { MemoryEndpoint } from "../support/memory_endpoint.ts";
import { runToolProcess } from "./tool_process.ts";

/** A listener that serves pings, and collects the names of the other channels. */
function listener(peers: Map<string, MemoryEndpoint>): string[] {
  const names: string[] = [];
  const requests = withoutPings(new MemoryEndpoint("L", peers).incoming());
  (async () => {
    for await (const { name } of requests) names.push(name);
  })();
  return names;
}

/** An endpoint whose paths are given, one for each ping. */
class ChangingPaths extends MemoryEndpoint {
  paths: PeerPath[] = [];

  override status(): ReturnType<PeerEndpoint["status"]> {
    const path = this.paths.shift();
    return { sessions: [{ peer: { id: "L" }, path, roundTripMs: undefined }] };
  }
}

const RELAYED = { kind: "quic", local: "here", remote: "relay", relayed: true };
const DIRECT = { kind: "quic", local: "here", remote: "there", relayed: false };

async function pingLines(
  endpoint: MemoryEndpoint,
  options: Partial<PingOptions>,
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await ping(endpoint, {
    id: "L",
    count: 3,
    untilDirect: false,
    json: false,
    timeoutMs: undefined,
    signal: new AbortController().signal,
    write: (text) => lines.push(text) > 0,
    intervalMs: 0,
    ...options,
  });
  return { code, lines };
}

Deno.test("ping ends when nobody reads its replies any more, as in ping | head", async () => {
  const peers = new Map<string, MemoryEndpoint>();
  listener(peers);
  const lines: string[] = [];
  const write = (text: string) => lines.push(text) < 2;
  const { code } = await pingLines(new MemoryEndpoint("D", peers), { count: 5, json: true, write });
  assert.deepEqual([code, lines.length], [0, 2]);
});

Deno.test("ping tells path and round trip of each reply", async () => {
  const peers = new Map<string, MemoryEndpoint>();
  listener(peers);
  const { code, lines } = await pingLines(new MemoryEndpoint("D", peers), {});
  assert.equal(code, 0);
  assert.equal(lines.length, 4);
  assert.match(lines[0]!, /^reply 1: direct memory from there, [\d.]+ ms\n$/);
  assert.match(lines[3]!, /^3 replies, round trip min [\d.]+ ms, mean [\d.]+ ms, max /);

  const json = await pingLines(new MemoryEndpoint("E", peers), { json: true, count: 2 });
  const replies = json.lines.map((line) => JSON.parse(line));
  assert.deepEqual(replies.map(({ sequence, peer }) => [sequence, peer]), [[1, "L"], [2, "L"]]);
  assert.equal(replies[0].path.relayed, false);
  assert.equal(typeof replies[0].roundTripMs, "number");
});

Deno.test("ping until direct ends with the first direct reply, or fails", async () => {
  const peers = new Map<string, MemoryEndpoint>();
  listener(peers);
  const endpoint = new ChangingPaths("D", peers);
  endpoint.paths = [RELAYED, RELAYED, DIRECT, DIRECT];
  const found = await pingLines(endpoint, { untilDirect: true, count: 9 });
  assert.equal(found.code, 0);
  assert.deepEqual(found.lines.slice(0, 3).map((line) => line.split(",")[0]), [
    "reply 1: relayed quic from relay",
    "reply 2: relayed quic from relay",
    "reply 3: direct quic from there",
  ]);
  endpoint.paths = [RELAYED, RELAYED, DIRECT];
  assert.equal((await pingLines(endpoint, { untilDirect: true, count: 2 })).code, 1);
});

Deno.test("a peer that serves no pings says so; an interruption has its exit code", async () => {
  const peers = new Map<string, MemoryEndpoint>();
  const declining = new MemoryEndpoint("L", peers);
  (async () => {
    for await (const request of declining.incoming()) request.decline(300, "not here");
  })();
  const endpoint = new MemoryEndpoint("D", peers);
  await assert.rejects(pingLines(endpoint, {}), { exitCode: 1, message: /declined: not here/ });
  const stop = new AbortController();
  const pinging = pingLines(endpoint, { id: "nobody", signal: stop.signal });
  stop.abort(new ToolError(130, "interrupted"));
  await assert.rejects(pinging, { exitCode: 130 });
});

Deno.test("pings are served besides other channels, and bounded", async () => {
  const peers = new Map<string, MemoryEndpoint>();
  const others = listener(peers);
  const endpoint = new MemoryEndpoint("D", peers);
  const channels = [];
  for (let i = 0; i < MAX_PING_CHANNELS; i++) {
    const channel = await endpoint.connect("L", PING_CHANNEL);
    await channel.opened;
    channels.push(channel);
  }
  const surplus = await endpoint.connect("L", PING_CHANNEL);
  await assert.rejects(surplus.opened, /too many pings/);
  await endpoint.connect("L", "nc://");
  await endpoint.connect("L", "dnc:pin");

  const [first] = channels;
  const chunk = new Uint8Array(64);
  let echoed = 0;
  for (let sent = 0; sent < 2 * MAX_ECHOED_BYTES; sent += chunk.length) {
    if (!await first!.write(chunk).then(() => true, () => false)) break;
    const count = await first!.read(chunk);
    if (count === null) break;
    echoed += count;
  }
  assert.equal(echoed, MAX_ECHOED_BYTES);
  assert.deepEqual(others, ["nc://", "dnc:pin"]);
  for (const channel of channels.slice(1)) channel.close();
  await Promise.all(channels.map(({ closed }) => closed.catch(() => {})));
});

Deno.test("dnc --ping over loopback, of a listener and of a server", async () => {
  for (const listening of [["-l"], ["-l", "--allow", "127.0.0.1:1"]]) {
    await using peer = await DncProcess.start("dnc -l", [...listening, "--interface", "lo"]);
    const id = await peer.listening();
    const directory = await Deno.makeTempDir();
    const env = { DHTNET_CONFIG_DIR: directory };
    const here = ["--ping", id, "--interface", "lo"];
    const [json, text] = await Promise.all([
      runToolProcess("dnc", [...here, "--count", "2", "--json"], env),
      runToolProcess("dnc", [...here, "--until-direct"], env),
    ]);
    await Deno.remove(directory, { recursive: true });
    assert.deepEqual([json.code, json.stderr, text.code, text.stderr], [0, "", 0, ""]);
    const replies = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(replies.map(({ sequence }) => sequence), [1, 2]);
    assert.match(replies[0].path.remote, /^(127\.0\.0\.1|\[::1\]):\d+$/);
    assert.match(text.stdout, /^reply 1: direct \w+ from .*, [\d.]+ ms\n1 reply, round trip min /);
  }
});
