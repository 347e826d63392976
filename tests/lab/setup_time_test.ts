/**
 * How many one-way delays pass until a call is there, on a long way, through the real `dnc`. The
 * flights alone, without what processors take, are counted by tests/endpoint/setup_delays_test.ts:
 * eight. Here the figures are printed; a busy machine makes them larger.
 */
import assert from "node:assert/strict";
import { Call } from "./nat/call.ts";
import { type LabPlan, NatLab } from "./nat/lab.ts";
import { bounded } from "./nat/nat_lab_test_case.ts";
import type { CapturedPacket } from "./nat/packet_capture.ts";
import type { NatKind } from "./nat/router_rules.ts";

const DELAY_MS = 25;
const CALLS = Number(Deno.env.get("SETUP_CALLS") ?? 5);
const CALL_TIMEOUT_MS = 20_000;
/** What a put request of the DHT says of itself, in msgpack. */
const PUT = "\xa1q\xa3put";

/** Whether a packet comes from or goes to the DHT node that everybody starts from. */
function ofDht(lab: NatLab, { bytes }: CapturedPacket, direction: "from" | "to"): boolean {
  const address = direction === "from" ? bytes.subarray(12, 16) : bytes.subarray(16, 20);
  return bytes[0]! >> 4 === 4 && lab.bootstrap.startsWith(`${address.join(".")}:`);
}

function isPut({ bytes }: CapturedPacket): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(PUT);
}

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function setupTimeTest(from: NatKind, to: NatKind, turn: boolean): void {
  const plan: LabPlan = {
    sites: [{ name: "a", nat: from }, { name: "b", nat: to }],
    wan: { turn: true, delayMs: DELAY_MS, dhtnodes: 2 },
  };
  const servers = turn ? "STUN and TURN" : "STUN alone";
  Deno.test({
    name: `set-up time: ${from} calls ${to}, ${DELAY_MS} ms one way, ${servers}`,
    fn: async () => {
      const times: CallTimes[] = [];
      for (let i = 0; i < CALLS; i++) {
        await using lab = await NatLab.create(plan);
        times.push(await bounded(lab, timeCall(lab, turn), CALL_TIMEOUT_MS));
      }
      const delays = (key: keyof CallTimes) => times.map((one) => one[key] / DELAY_MS);
      const show = (values: number[]) =>
        `median ${middle(values).toFixed(1)} (${values.map((v) => v.toFixed(1)).join(", ")})`;
      console.log(
        `${from} calls ${to} with ${servers}, one-way delays to the first echoed byte:\n` +
          `  from the request: ${show(delays("sinceRequestMs"))}\n` +
          `  from the first answer of the DHT to a new process: ${
            show(delays("sinceJoinedMs"))
          }\n` +
          `  from the first packet of the process: ${show(delays("sincePacketMs"))}\n` +
          `  from the start of the process: ${show(delays("sinceStartMs"))}`,
      );
    },
  });
}

/** How long a call took to its first echoed byte. */
interface CallTimes {
  /** Since a device that has joined the DHT, and knows its own addresses, dialled. */
  readonly sinceRequestMs: number;
  readonly sinceJoinedMs: number;
  readonly sincePacketMs: number;
  readonly sinceStartMs: number;
}

/** One call between devices that nobody has heard of, and how long it took to the first echo. */
async function timeCall(lab: NatLab, turn: boolean): Promise<CallTimes> {
  await using capture = await lab.capture("a");
  const call = await Call.start(lab, lab.site("a"), lab.site("b"), {
    ...(turn ? {} : { relays: () => [] }),
  });
  const echoAtMs = await call.echo();
  assert.equal(call.path?.relayed, false);
  const packets = await capture.stop();
  const asking = packets.filter((packet) => ofDht(lab, packet, "to"));
  const answered = packets.find((packet) => ofDht(lab, packet, "from"))!;
  return {
    sinceRequestMs: echoAtMs - asking.find(isPut)!.atMs,
    sinceJoinedMs: echoAtMs - answered.atMs,
    sincePacketMs: echoAtMs - asking[0]!.atMs,
    sinceStartMs: echoAtMs - call.dialledAtMs,
  };
}

setupTimeTest("none", "none", false);
setupTimeTest("moderate", "none", false);
setupTimeTest("moderate", "moderate", false);
setupTimeTest("moderate", "moderate", true);
