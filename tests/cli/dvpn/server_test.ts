import assert from "node:assert/strict";
import { AddressPool } from "../../../cmd/dvpn/address/address_pool.ts";
import { hostAddress, parseAddressRange } from "../../../cmd/dvpn/address/address_range.ts";
import {
  frame,
  FRAME_GREETING,
  FRAME_HEADER_BYTES,
  FRAME_PACKET,
} from "../../../cmd/dvpn/data/frame.ts";
import { encodeGreeting } from "../../../cmd/dvpn/data/greeting.ts";
import { RuleBook } from "../../../cmd/dvpn/rules/rule_book.ts";
import { VpnServer } from "../../../cmd/dvpn/server.ts";
import type { VpnContext } from "../../../cmd/dvpn/vpn_context.ts";
import type { IncomingChannel } from "../../../cmd/peer/peer_channel.ts";
import { parseIp } from "../../../lib/ip/mod.ts";
import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { writeIpv4Checksum } from "../../../lib/net/tun/mod.ts";
import { ipPacket } from "../../net/tun/packets.ts";
import { withInterfaces } from "./host_interfaces.ts";
import { MemoryDevice } from "./memory_device.ts";

const ID = "ab".repeat(32);
const RANGE = parseAddressRange("10.80.77.0/24");

/** What a client begins, such as `udp 192.168.1.1:53`; with TCP it is an acknowledgement. */
function packetFor(line: string): Uint8Array {
  const [protocol, ip = "", port] = line.split(/[ :]/);
  const packet = ipPacket({
    family: 4,
    protocol: protocol === "tcp" ? "tcp" : "udp",
    payload: new Uint8Array(1),
  });
  packet.set(parseIp("10.80.77.64"), 12);
  packet.set(parseIp(ip), 16);
  new DataView(packet.buffer).setUint16(22, Number(port));
  writeIpv4Checksum(packet, 20);
  const bytes = new Uint8Array(10 + packet.length);
  bytes.set(packet, 10);
  return frame(FRAME_PACKET, bytes);
}

/** What a server with `--nat` and one client gave to the kernel, and told its user. */
interface Served {
  readonly written: readonly Uint8Array[];
  readonly notices: readonly string[];
  /** The kinds of the frames that the client got. */
  readonly sent: readonly number[];
}

/** Serves a client that sends these packets and leaves. */
async function served(
  lines: readonly string[],
  { servers = [], script, early }: {
    servers?: readonly string[];
    script?: string;
    /** What the kernel has for the client before it greets. */
    early?: Uint8Array;
  },
): Promise<Served> {
  const sent: number[] = [];
  const notices: string[] = [];
  const device = Object.assign(new MemoryDevice(), { name: "t0" });
  const ended = Promise.withResolvers<void>();
  const left = Promise.withResolvers<never>();
  const datagrams = { maxBytes: 0, send: () => false, onDatagram: () => {}, close: () => {} };
  const context = {
    device,
    endpoint: {
      id: ID,
      status: () => ({ dht: { port: 1 }, sessions: [] }),
      datagrams: () => datagrams,
    },
    settings: { device: "t0", mtu: 1380, carry: "auto", script },
    host: {
      perform: () => Promise.resolve(),
      undo: () => Promise.resolve(),
      remember: () => Promise.resolve(() => Promise.resolve()),
      sysctlBefore: () => Promise.resolve(undefined),
    },
    report: {
      notice: (text: string) => {
        notices.push(text);
        if (text.endsWith("has left")) ended.resolve();
      },
      detail: (text: string) => ended.reject(new Error(text)),
    },
    rules: await RuleBook.open(undefined),
    signal: new AbortController().signal,
  } as unknown as VpnContext;
  const pool = new AddressPool([RANGE], [{ id: ID, host: 64, seen: 1 }]);
  const server = new VpnServer(context, [hostAddress(RANGE, 1)], pool, () => {}, {
    clientToClient: false,
    nat: true,
    lanAccess: true,
    names: { servers, search: [] },
  });
  const frames = [encodeGreeting({ mtu: 1380, segmentsUdp: true }), ...lines.map(packetFor)];
  const channel = {
    read: async (into: Uint8Array) => {
      if (early !== undefined && sent.length === 0) device.send(early);
      for (let turn = 0; turn < 4; turn++) await turnOfEventLoop();
      const next = frames.shift();
      if (next !== undefined) into.set(next);
      return next?.length ?? null;
    },
    write: (bytes: Uint8Array) => {
      sent.push(bytes[0]!);
      return Promise.resolve(bytes.length);
    },
    reset: () => {},
  };
  const incoming = { peer: { id: ID, chainIds: [ID] }, name: "dvpn://", accept: () => channel };
  const requests = async function* () {
    yield incoming as unknown as IncomingChannel;
    await left.promise;
  };
  const serving = server.serve(requests());
  serving.catch(() => {});
  await ended.promise;
  left.reject(new Error("that was all"));
  await assert.rejects(serving, /that was all/);
  return { written: device.written, notices, sent };
}

/** Which of a client's packets get to the kernel of a server with `--nat` and `--dns`. */
async function admitted(servers: readonly string[], lines: readonly string[]): Promise<string[]> {
  const { written } = await served(lines, { servers });
  const taken = new Set(written.map((bytes) => bytes.join()));
  return lines.filter((line) => taken.has(packetFor(line).subarray(FRAME_HEADER_BYTES).join()));
}

Deno.test("dvpn server: a name server on the host is reached as that alone", async () => {
  await withInterfaces(["eth0 192.168.1.1/24", "eth0 192.168.1.2/24"], async () => {
    const open = ["udp 192.168.1.1:53", "tcp 192.168.1.1:53", "udp 192.168.9.9:22"];
    const closed = ["udp 192.168.1.1:22", "tcp 192.168.1.1:22", "udp 192.168.1.2:53"];
    assert.deepEqual(await admitted(["192.168.1.1"], [...closed, ...open]), open);
    assert.deepEqual(await admitted([], [...closed, ...open]), ["udp 192.168.9.9:22"]);
  });
});

Deno.test("dvpn server: a script that fails is told: no client gets in", async () => {
  const { written, notices } = await served(["udp 10.80.77.1:22"], { script: "/bin/false" });
  assert.deepEqual(written, []);
  assert.ok(notices.includes(`${ID}: /bin/false failed with status 1`), notices.join("\n"));
});

Deno.test("dvpn server: what waits for a client comes after the greeting", async () => {
  const packet = packetFor("udp 10.80.77.64:9").subarray(FRAME_HEADER_BYTES);
  const { sent } = await served(["udp 10.80.77.1:9"], { early: packet });
  assert.equal(sent[0], FRAME_GREETING);
});

Deno.test("dvpn server: no address of the host is reached as what is beyond", async () => {
  const others = Array.from({ length: 40 }, (_, index) => `br${index} 10.9.${index}.1/24`);
  const host = [...others, "eth0 192.168.1.1/24", "eth0 169.254.7.7/16"];
  await withInterfaces(host, async () => {
    const closed = ["udp 10.9.39.1:22", "tcp 192.168.1.1:22", "udp 169.254.7.7:22"];
    assert.deepEqual(await admitted([], closed), []);
  });
});
