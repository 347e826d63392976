import assert from "node:assert/strict";
import fc from "fast-check";
import { readAddressBook, writeAddressBook } from "../../../cmd/dvpn/address/address_book.ts";
import { AddressPool } from "../../../cmd/dvpn/address/address_pool.ts";
import {
  formatAddressRange,
  formatInterfaceAddress,
  hostAddress,
  hostCount,
  parseAddressRange,
} from "../../../cmd/dvpn/address/address_range.ts";
import { defaultRanges } from "../../../cmd/dvpn/address/default_ranges.ts";
import {
  decodeGreeting,
  decodeServerGreeting,
  encodeGreeting,
  encodeServerGreeting,
} from "../../../cmd/dvpn/data/greeting.ts";
import { FRAME_HEADER_BYTES, FrameError } from "../../../cmd/dvpn/data/frame.ts";
import { refuseTakenNetwork } from "../../../cmd/dvpn/address/taken_network.ts";
import { UsageError } from "../../../cmd/tool/exit_code.ts";
import { withInterfaces } from "./host_interfaces.ts";

const RANGES = ["10.80.77.0/24", "fd00:80::/64"].map(parseAddressRange);
const NOBODY = () => false;
const EVERYBODY = () => true;

function peer(number: number): string {
  return number.toString(16).padStart(64, "0");
}

Deno.test("dvpn addresses: a network that the host is in is not given to peers", async () => {
  const host = ["eth0 192.168.1.7/24", "dvpn0 10.80.77.1/24", "eth1 10.1.2.3/8", "lo ::1/128"];
  await withInterfaces(host, () => {
    for (const text of ["10.80.77.0/24", "10.80.0.0/16", "192.168.1.0/28"]) {
      assert.throws(() => refuseTakenNetwork([parseAddressRange(text)]), /has an address in/);
    }
    // A part of a network that leaves the host's own address alone.
    refuseTakenNetwork(["10.80.78.0/24", "192.168.1.128/25", "fd00::/64"].map(parseAddressRange));
    return Promise.resolve();
  });
});

Deno.test("dvpn addresses: a network, or upstream's beginning of an address", () => {
  const texts = ["10.80.77.0/24", "10.80.77.9/24", "10.80.77.", "fd00:0:0:1::", "fd00::/48"];
  assert.deepEqual(texts.map((text) => formatAddressRange(parseAddressRange(text))), [
    "10.80.77.0/24",
    "10.80.77.0/24",
    "10.80.77.0/24",
    "fd00:0:0:1::/64",
    "fd00::/48",
  ]);
  for (const id of [peer(1), peer(2)]) defaultRanges(id).forEach(parseAddressRange);
  assert.notDeepEqual(defaultRanges(peer(1)), defaultRanges(peer(2)));
});

for (
  const text of ["", "10.0.0.0", "8.8.8.0/24", "10.0.0.0/31", "10.0.0.0/7", "fe80::/64", "x/8"]
) {
  Deno.test(`dvpn addresses: ${JSON.stringify(text)} is no network for this`, () => {
    assert.throws(() => parseAddressRange(text), UsageError);
  });
}

Deno.test("dvpn addresses: host numbers", () => {
  const [ipv4, ipv6] = RANGES.map((range) => formatInterfaceAddress(hostAddress(range, 18)));
  assert.deepEqual([ipv4, ipv6], ["10.80.77.18/24", "fd00:80::12/64"]);
  assert.deepEqual(RANGES.map(hostCount), [254, 2 ** 20]);
  assert.equal(hostCount(parseAddressRange("10.0.0.0/30")), 2);
});

Deno.test("dvpn pool: a peer has the same number again, no two have one, the server has its own", () => {
  const pool = new AddressPool(RANGES);
  const hosts = Array.from({ length: 253 }, (_, index) => pool.host(peer(index), NOBODY, 0));
  assert.equal(new Set(hosts).size, 253);
  assert.ok(hosts.every((host) => host! >= 2 && host! <= 254));
  for (const index of [0, 100, 252]) assert.equal(pool.host(peer(index), NOBODY, 0), hosts[index]);
});

Deno.test("dvpn pool: a full one gives away the number of who was away longest, none in use", () => {
  const pool = new AddressPool([parseAddressRange("10.0.0.0/29")]);
  for (let index = 0; index < 5; index++) pool.host(peer(index), NOBODY, 100 - index);
  assert.equal(pool.host(peer(9), EVERYBODY, 200), undefined);
  const oldest = pool.assignments.find(({ id }) => id === peer(4))!.host;
  assert.equal(pool.host(peer(9), (id) => id !== peer(4), 200), oldest);
  assert.equal(pool.assignments.length, 5);
});

Deno.test("dvpn pool: what is remembered is kept, unless it does not fit", () => {
  const seen = 1;
  const pool = new AddressPool(RANGES, [
    { id: peer(1), host: 77, seen },
    { id: peer(2), host: 77, seen },
    { id: peer(3), host: 1, seen },
    { id: peer(4), host: 255, seen },
    { id: peer(1), host: 78, seen },
  ]);
  assert.deepEqual(pool.assignments, [{ id: peer(1), host: 77, seen }]);
});

Deno.test("dvpn address book: what was written is read; what is no book is empty", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/book.json`;
    assert.deepEqual(await readAddressBook(path), []);
    const assignments = [{ id: peer(1), host: 7, seen: 5 }];
    await writeAddressBook(path, assignments);
    assert.deepEqual(await readAddressBook(path), assignments);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    for (const text of ["", "{", "{}", '[{"id":"x","host":1,"seen":1}]', "[null,1]"]) {
      await Deno.writeTextFile(path, text);
      assert.deepEqual(await readAddressBook(path), []);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const GREETING = { mtu: 1380, segmentsUdp: true };

Deno.test("dvpn greeting: both sides read what was said", () => {
  const body = encodeGreeting(GREETING).subarray(FRAME_HEADER_BYTES);
  assert.deepEqual(decodeGreeting(body), GREETING);
  const addresses = { client: [hostAddress(RANGES[0]!, 7)], server: [hostAddress(RANGES[0]!, 1)] };
  const server = encodeServerGreeting({ ...GREETING, ...addresses }).subarray(FRAME_HEADER_BYTES);
  assert.deepEqual(decodeServerGreeting(server), { ...GREETING, ...addresses });
});

const HOSTILE: Record<string, unknown> = {
  "an MTU that IPv6 cannot live with": {
    version: 1,
    mtu: 576,
    client: ["10.0.0.2/24"],
    server: [],
  },
  "another version": { version: 2, mtu: 1380, client: ["10.0.0.2/24"], server: [] },
  "no address": { version: 1, mtu: 1380, client: [], server: [] },
  "a public address": { version: 1, mtu: 1380, client: ["8.8.8.8/24"], server: [] },
  "the whole Internet": { version: 1, mtu: 1380, client: ["10.0.0.2/0"], server: [] },
  "half of the private Internet": { version: 1, mtu: 1380, client: ["10.0.0.2/7"], server: [] },
  "two of a family": { version: 1, mtu: 1380, client: ["10.0.0.2/8", "10.0.0.3/8"], server: [] },
  "a command": { version: 1, mtu: 1380, client: ["10.0.0.2/24; reboot"], server: [] },
  "numbers": { version: 1, mtu: 1380, client: [1], server: [] },
  "no list": { version: 1, mtu: 1380, client: "10.0.0.2/24", server: [] },
  "nothing": null,
};
for (const [what, value] of Object.entries(HOSTILE)) {
  Deno.test(`dvpn greeting: ${what} is refused`, () => {
    const body = new TextEncoder().encode(JSON.stringify(value));
    assert.throws(() => decodeServerGreeting(body), FrameError);
  });
}

Deno.test("dvpn greeting: whatever the bytes, FrameError or a greeting", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      decodeServerGreeting(bytes);
    } catch (error) {
      assert.ok(error instanceof FrameError);
    }
  }));
});
