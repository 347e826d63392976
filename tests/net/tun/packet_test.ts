import assert from "node:assert/strict";
import fc from "fast-check";
import {
  onesSum,
  PacketError,
  pseudoHeaderSum,
  readIpPacket,
  readOffloadedPacket,
  segment,
  VNET_HEADER_BYTES,
  writeVnetHeader,
} from "../../../lib/net/tun/mod.ts";
import { ipPacket, offloaded } from "./packets.ts";

function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7 + 3);
}

function isWhole(packet: Uint8Array): boolean {
  const ip = readIpPacket(packet);
  const header = ip.family === 6 || onesSum(packet, 0, ip.transport) === 0xffff;
  const pseudo = pseudoHeaderSum(packet, ip, packet.length - ip.transport);
  return header && onesSum(packet, ip.transport, packet.length, pseudo) === 0xffff;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PacketError) return error.code;
    throw error;
  }
  return "none";
}

Deno.test("checksum: the example of RFC 1071 §3", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(onesSum(bytes, 0, 8), 0xddf2);
});

Deno.test("checksum: an odd byte counts as the upper half of a word", () => {
  assert.equal(onesSum(Uint8Array.of(0x12, 0x34, 0x56), 0, 3), 0x1234 + 0x5600);
});

for (const family of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    Deno.test(`segmentation: ${protocol} over IPv${family} yields the packets that were meant`, () => {
      const payload = payloadOf(2500);
      const recipe = { family, protocol, payload, flags: 0x99, sequence: 0xffffff00 };
      const bytes = offloaded(recipe, 1000);
      const packet = readOffloadedPacket(bytes);
      const segments = segment(bytes.subarray(VNET_HEADER_BYTES), packet);
      const flags = [0x90, 0x10, 0x19]; // CWR in the first, PSH and FIN in the last
      const expected = [0, 1, 2].map((index) =>
        ipPacket({
          family,
          protocol,
          payload: payload.subarray(index * 1000, index * 1000 + 1000),
          flags: flags[index]!,
          sequence: (0xffffff00 + index * 1000) >>> 0,
          identification: index,
        })
      );
      assert.deepEqual(segments, expected);
    });

    Deno.test(`segmentation: ${protocol} over IPv${family}, any sizes, is whole and complete`, () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ minLength: 1, maxLength: 3000 }),
          fc.integer({ min: 100, max: 3500 }),
          (payload, segmentBytes) => {
            const bytes = offloaded({ family, protocol, payload }, segmentBytes);
            const packet = readOffloadedPacket(bytes);
            const segments = segment(bytes.subarray(VNET_HEADER_BYTES), packet);
            assert.equal(segments.length, Math.ceil(payload.length / segmentBytes));
            const joined = segments.flatMap((one) => [...one.subarray(packet.headerBytes)]);
            assert.deepEqual(joined, [...payload]);
            assert.ok(segments.every(isWhole));
          },
        ),
        { numRuns: 50 },
      );
    });

    Deno.test(`checksum: ${protocol} over IPv${family} is completed`, () => {
      const recipe = { family, protocol, payload: payloadOf(33) };
      const bytes = offloaded(recipe, 0);
      const [packet] = segment(bytes.subarray(VNET_HEADER_BYTES), readOffloadedPacket(bytes));
      assert.deepEqual(packet, ipPacket(recipe));
    });
  }
}

Deno.test("checksum: UDP whose sum is zero says 0xffff, since zero means none", () => {
  // searched for: the two bytes that make the checksum zero
  const base = ipPacket({ family: 4, protocol: "udp", payload: new Uint8Array(2) });
  const missing = base[26]! << 8 | base[27]!;
  const payload = Uint8Array.of(missing >> 8, missing);
  const bytes = offloaded({ family: 4, protocol: "udp", payload }, 0);
  const [packet] = segment(bytes.subarray(VNET_HEADER_BYTES), readOffloadedPacket(bytes));
  assert.deepEqual([packet![26], packet![27]], [0xff, 0xff]);
});

Deno.test("IPv6: extension headers are walked, fragments are marked", () => {
  const plain = ipPacket({ family: 6, protocol: "udp", payload: payloadOf(8) });
  const withHeader = (next: number) => {
    const bytes = new Uint8Array(plain.length + 8);
    bytes.set(plain.subarray(0, 40));
    bytes.set(plain.subarray(40), 48);
    bytes[6] = next;
    bytes[40] = 17;
    new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
    return readIpPacket(bytes);
  };
  assert.deepEqual([withHeader(0).transport, withHeader(0).protocol], [48, 17]);
  assert.equal(withHeader(44).fragment, true);
});

Deno.test("a checked header is written anew with nothing unchecked in it", () => {
  const bytes = offloaded({ family: 4, protocol: "tcp", payload: payloadOf(3000) }, 1000);
  const clean = bytes.slice();
  bytes[0]! |= 0xfe; // every flag
  bytes[2] = 0xff; // hdr_len, which is for the taker to compute
  writeVnetHeader(bytes, readOffloadedPacket(bytes));
  assert.deepEqual(bytes, clean);
  const whole = new Uint8Array(VNET_HEADER_BYTES + 28).fill(0);
  whole.set(ipPacket({ family: 4, protocol: "udp", payload: new Uint8Array(0) }), 10);
  whole.set([2, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
  writeVnetHeader(whole, readOffloadedPacket(whole));
  assert.deepEqual([...whole.subarray(0, 10)], Array(10).fill(0));
});

const TCP4 = { family: 4, protocol: "tcp", payload: payloadOf(3000) } as const;
const HOSTILE: [string, (bytes: Uint8Array) => void, string][] = [
  ["a checksum that starts elsewhere", (bytes) => bytes[6]!++, "offload"],
  ["a checksum outside the packet", (bytes) => bytes.set([0xff, 0xff], 8), "offload"],
  ["a checksum in another field", (bytes) => bytes[8] = 6, "offload"],
  ["segments without checksum", (bytes) => bytes[0] = 0, "offload"],
  ["segments of no bytes", (bytes) => bytes.set([0, 0], 4), "offload"],
  ["segments of one byte", (bytes) => bytes.set([1, 0], 4), "offload"],
  ["TCP over IPv6 in IPv4", (bytes) => bytes[1] = 4, "offload"],
  ["UDP segments of TCP", (bytes) => bytes[1] = 5, "offload"],
  ["UDP fragmentation offload", (bytes) => bytes[1] = 3, "offload"],
  ["a fragment", (bytes) => bytes[16] = 0x20, "offload"],
  ["an IPv4 header of 16 bytes", (bytes) => bytes[10] = 0x44, "header"],
  ["a TCP header of 16 bytes", (bytes) => bytes[10 + 20 + 12] = 0x40, "header"],
  ["IP version 5", (bytes) => bytes[10] = 0x55, "version"],
  ["a length that is not its own", (bytes) => bytes[12]!++, "length"],
];
for (const [what, change, code] of HOSTILE) {
  Deno.test(`hostile: ${what} is ${code}`, () => {
    const bytes = offloaded(TCP4, 1000);
    assert.equal(codeOf(() => readOffloadedPacket(bytes)), "none");
    change(bytes);
    assert.equal(codeOf(() => readOffloadedPacket(bytes)), code);
  });
}

for (const [protocol, field, others] of [["tcp", 16, [2, 6]], ["udp", 6, [2, 16]]] as const) {
  for (const family of [4, 6] as const) {
    Deno.test(`hostile: the checksum of ${protocol} over IPv${family} is in its own field`, () => {
      const bytes = offloaded({ family, protocol, payload: payloadOf(30) }, 0);
      assert.equal(bytes[8], field);
      assert.equal(codeOf(() => readOffloadedPacket(bytes)), "none");
      for (const other of others) { // 2 is the destination port, which rules are about
        bytes[8] = other;
        assert.equal(codeOf(() => readOffloadedPacket(bytes)), "offload");
      }
    });
  }
}

Deno.test("hostile: a checksum of neither TCP nor UDP is not ours to complete", () => {
  for (const offset of [2, 6, 16]) {
    const bytes = offloaded({ family: 4, protocol: "udp", payload: payloadOf(30) }, 0);
    bytes[VNET_HEADER_BYTES + 9] = 1; // ICMP
    bytes[8] = offset;
    assert.equal(codeOf(() => readOffloadedPacket(bytes)), "offload");
    bytes[0] = 0;
    assert.equal(codeOf(() => readOffloadedPacket(bytes)), "none");
  }
});

Deno.test("hostile: a packet cut anywhere is refused", () => {
  const bytes = offloaded(TCP4, 1000);
  for (const length of [0, 5, 10, 15, 30, 45, 49, 51, bytes.length - 1]) {
    assert.notEqual(codeOf(() => readOffloadedPacket(bytes.subarray(0, length))), "none");
  }
});

Deno.test("hostile: whatever the bytes, PacketError or a packet that can be segmented", () => {
  const templates = [4, 6].flatMap((family) =>
    ["tcp", "udp"].map((protocol) =>
      offloaded({ ...TCP4, family, protocol } as Parameters<typeof offloaded>[0], 1000)
    )
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...templates),
      fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 4 }),
      (template, changes) => {
        const bytes = template.slice();
        for (const [at, value] of changes) bytes[at] = value;
        if (codeOf(() => readOffloadedPacket(bytes)) !== "none") return;
        const packet = readOffloadedPacket(bytes);
        segment(bytes.subarray(VNET_HEADER_BYTES), packet);
        writeVnetHeader(bytes, packet);
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    codeOf(() => readOffloadedPacket(bytes));
  }));
});
