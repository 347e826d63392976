import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddressRange } from "../../../cmd/dvpn/address/address_range.ts";
import { addressKey } from "../../../cmd/dvpn/data/address_filter.ts";
import { icmpError } from "../../../cmd/dvpn/data/icmp_error.ts";
import { idsOf, MAX_INTRODUCED } from "../../../cmd/dvpn/mesh/introductions.ts";
import { Member } from "../../../cmd/dvpn/mesh/member.ts";
import {
  memberAddress6,
  memberAddresses4,
  meshNetwork,
} from "../../../cmd/dvpn/mesh/member_addresses.ts";
import { networkName } from "../../../cmd/dvpn/mesh/network_name.ts";
import { Roster } from "../../../cmd/dvpn/mesh/roster.ts";
import { UsageError } from "../../../cmd/tool/exit_code.ts";
import { formatIp, isIp, parseIp } from "../../../lib/ip/mod.ts";
import { onesSum, pseudoHeaderSum, readIpPacket } from "../../../lib/net/tun/mod.ts";
import { ipPacket } from "../../net/tun/packets.ts";

const NETWORK = meshNetwork("test");
const SMALL = meshNetwork("test", parseAddressRange("10.0.0.0/29"));

function id(number: number): string {
  return number.toString(16).padStart(64, "0");
}

const ids = fc.uniqueArray(fc.nat(1_000_000).map(id), { maxLength: 40 });

Deno.test("dvpn mesh: an IPv6 address is the same again, in the network's own prefix", () => {
  const { ip, prefix } = memberAddress6(NETWORK, id(1));
  assert.equal(prefix, 64);
  assert.equal(memberAddress6(meshNetwork("test"), id(1)).ip, ip);
  const [one, two] = [parseIp(ip), parseIp(memberAddress6(NETWORK, id(2)).ip)];
  assert.equal(one[0], 0xfd);
  assert.deepEqual(one.subarray(0, 8), two.subarray(0, 8));
  assert.notDeepEqual(one.subarray(8), two.subarray(8));
  const elsewhere = parseIp(memberAddress6(meshNetwork("other"), id(1)).ip);
  assert.notDeepEqual(elsewhere.subarray(0, 8), one.subarray(0, 8));
  // as any version has to say it
  assert.equal(ip, "fd5e:223e:ce9f:1:b0db:232f:9df:cb77");
});

Deno.test("dvpn mesh: IPv4 addresses are the same in whatever order members are listed, each one's own", () => {
  fc.assert(fc.property(ids, fc.constantFrom(NETWORK, SMALL), (list, network) => {
    const addresses = memberAddresses4(network, list);
    assert.deepEqual(memberAddresses4(network, list.toReversed()), addresses);
    assert.deepEqual(memberAddresses4(network, [...list, ...list]), addresses);
    const ips = [...addresses.values()].map(({ ip }) => ip);
    assert.equal(new Set(ips).size, ips.length);
    assert.equal(ips.length, Math.min(list.length, network === SMALL ? 6 : 65_534));
    const [base, last] = network === SMALL ? ["10.0.0.", 6] : ["10.80.", 255];
    assert.ok(ips.every((ip) => ip.startsWith(base) && Number(ip.split(".")[3]) <= last));
  }));
});

Deno.test("dvpn mesh: who has no rival keeps the IPv4 address, whoever else is listed", () => {
  const alone = memberAddresses4(NETWORK, [id(7)]).get(id(7))!;
  const many = memberAddresses4(NETWORK, Array.from({ length: 20 }, (_, index) => id(index)));
  assert.deepEqual(many.get(id(7)), alone);
});

Deno.test("dvpn mesh: names of networks", () => {
  assert.equal(networkName("home.net-1_a"), "home.net-1_a");
  for (const text of ["", "a b", "a/b", "x".repeat(65)]) {
    assert.throws(() => networkName(text), UsageError);
  }
});

Deno.test("dvpn mesh: members are found by address; those not listed have IPv6 alone", () => {
  const roster = new Roster(NETWORK, id(1), [id(1), id(2)], [4, 6]);
  assert.equal(roster.own.length, 2);
  assert.deepEqual([...roster.members].map((member) => member.id), [id(2)]);
  const [member] = roster.members;
  for (const address of member!.addresses) assert.equal(roster.at(addressKey(address)), member);
  const heard = roster.hear(id(3))!;
  assert.deepEqual(heard.addresses, [memberAddress6(NETWORK, id(3))]);
  assert.equal(roster.hear(id(3)), heard);
  assert.equal(roster.at(addressKey(heard.addresses[0]!)), heard);
  assert.equal(roster.hear(id(1)), undefined, "ourselves");
});

Deno.test("dvpn mesh: what is only heard of fills the roster, and gives way to who calls", () => {
  const roster = new Roster(NETWORK, id(1), [id(2)], [4, 6]);
  for (let number = 3; number < 2000; number++) roster.hear(id(number));
  assert.equal([...roster.members].length, 1024);
  assert.equal(roster.hear(id(5000)), undefined);
  const caller = roster.meet(id(5000))!;
  assert.equal([...roster.members].length, 1024);
  assert.equal(roster.at(addressKey(caller.addresses[0]!)), caller);
  assert.ok([...roster.members].some((member) => member.id === id(2)), "who is listed stays");
});

Deno.test("dvpn mesh: a member rests longer each time, a minute at most, until it is there", () => {
  const member = new Member(id(1), [], true);
  assert.ok(!member.rests(0));
  const rests = Array.from({ length: 8 }, () => member.rest(0));
  assert.deepEqual(rests, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  assert.ok(member.rests(59_999));
  assert.ok(!member.rests(60_000));
  member.isThere();
  assert.equal(member.rest(0), 1_000);
});

Deno.test("dvpn mesh: a few packets wait for a member, not many", () => {
  const member = new Member(id(1), [], true);
  const packet = Uint8Array.of(1, 2, 3);
  let held = 0;
  while (member.hold(packet)) held++;
  assert.equal(held, 16);
  packet[0] = 9;
  assert.deepEqual(member.release()[0], Uint8Array.of(1, 2, 3), "a copy");
  assert.deepEqual(member.release(), []);
  assert.ok(member.hold(new Uint8Array(40_000)));
  assert.ok(!member.hold(new Uint8Array(40_000)));
});

Deno.test("dvpn mesh: a member is cut off when it has had no path for seconds", () => {
  const member = new Member(id(1), [], true);
  member.hasPath(false, 1_000);
  member.hasPath(false, 3_000);
  assert.equal(member.isCutOff, false);
  member.hasPath(false, 4_000);
  assert.equal(member.isCutOff, true);
  member.hasPath(true, 5_000);
  assert.equal(member.isCutOff, false);
  member.hasPath(false, 6_000);
  assert.equal(member.isCutOff, false);
});

Deno.test("dvpn mesh: of an introduction only ids are taken, and not too many", () => {
  assert.deepEqual(idsOf(JSON.stringify([id(1), "x", 1, null, "F".repeat(64)])), [id(1)]);
  const many = Array.from({ length: 2 * MAX_INTRODUCED }, (_, index) => id(index));
  assert.equal(idsOf(JSON.stringify(many)).length, MAX_INTRODUCED);
  fc.assert(fc.property(fc.string(), (text) => assert.ok(Array.isArray(idsOf(text)))));
});

for (const family of [4, 6] as const) {
  Deno.test(`dvpn unreachable, IPv${family}: the answer names the packet, with correct checksums`, () => {
    const packet = ipPacket({ family, protocol: "udp", payload: new Uint8Array(3000) });
    const answer = icmpError(packet, "unreachable")!;
    const read = readIpPacket(answer);
    assert.equal(answer.length, family === 4 ? 576 : 1280);
    const addressBytes = family === 4 ? 4 : 16;
    const address = (bytes: Uint8Array, at: number) => formatIp(bytes.slice(at, at + addressBytes));
    const asked = readIpPacket(packet);
    assert.equal(address(answer, read.source), address(packet, asked.destination));
    assert.equal(address(answer, read.destination), address(packet, asked.source));
    assert.ok(isIp(address(answer, read.source)));
    const { transport } = read;
    assert.deepEqual(
      [...answer.subarray(transport, transport + 2)],
      family === 4 ? [3, 1] : [1, 3],
    );
    const initial = family === 4 ? 0 : pseudoHeaderSum(answer, read, answer.length - transport);
    assert.equal(onesSum(answer, transport, answer.length, initial), 0xffff);
    if (family === 4) assert.equal(onesSum(answer, 0, 20), 0xffff);
    assert.deepEqual(
      answer.subarray(transport + 8),
      packet.subarray(0, answer.length - transport - 8),
    );
    assert.equal(icmpError(answer, "unreachable"), undefined, "an error is not answered");
  });
}

Deno.test("dvpn unreachable: what rules forbid is answered as an administrator's decision", () => {
  for (const [family, at, code] of [[4, 20, [3, 13]], [6, 40, [1, 1]]] as const) {
    const packet = ipPacket({ family, protocol: "tcp", payload: new Uint8Array(8) });
    const answer = icmpError(packet, "prohibited")!;
    assert.deepEqual([...answer.subarray(at, at + 2)], code);
  }
});

Deno.test("dvpn unreachable: what is for many, from nobody or no packet is not answered", () => {
  const packet = ipPacket({ family: 4, protocol: "udp", payload: new Uint8Array(8) });
  const changed = (at: number, ...bytes: number[]) => {
    const copy = packet.slice();
    copy.set(bytes, at);
    return copy;
  };
  assert.notEqual(icmpError(packet, "unreachable"), undefined);
  assert.equal(icmpError(changed(16, 224), "unreachable"), undefined);
  assert.equal(icmpError(changed(16, 255, 255, 255, 255), "unreachable"), undefined);
  assert.equal(icmpError(changed(12, 0, 0, 0, 0), "unreachable"), undefined);
  assert.equal(icmpError(changed(6, 0, 9), "unreachable"), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    icmpError(bytes, "unreachable");
  }));
});
