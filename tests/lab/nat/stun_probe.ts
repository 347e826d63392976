/**
 * Asks a STUN server again and again over UDP and tells, in one line of JSON, how many answers came, the
 * smallest round trip and the address that the server saw: `stun_probe.ts IP PORT COUNT [LOCAL_PORT]`.
 *
 * @module
 */
import { decodeMessage, encodeMessage, Method, XorMappedAddress } from "../../../lib/stun/mod.ts";

const INTERVAL_MS = 10;
/** How long to wait for the last answer. */
const LAST_WAIT_MS = 500;

/** What the probe found out. */
export interface ProbeResult {
  readonly answers: number;
  readonly roundTripMs: number | null;
  readonly mapped: string | null;
}

async function probe(
  hostname: string,
  port: number,
  count: number,
  localPort: number,
): Promise<ProbeResult> {
  const any = hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: localPort });
  const sent = new Map<number, number>();
  let answers = 0, roundTripMs: number | null = null, mapped: string | null = null;
  const receiving = (async () => {
    for await (const [bytes] of socket) {
      const message = decodeMessage(bytes);
      const sentAt = sent.get(message.transactionId[0]! << 8 | message.transactionId[1]!);
      const address = message.get(XorMappedAddress);
      if (sentAt === undefined || address === undefined) continue;
      answers++;
      roundTripMs = Math.min(roundTripMs ?? Infinity, performance.now() - sentAt);
      mapped = `${address.ip}:${address.port}`;
    }
  })();
  for (let i = 0; i < count; i++) {
    const transactionId = crypto.getRandomValues(new Uint8Array(12));
    transactionId.set([i >> 8, i & 0xff]);
    const request = encodeMessage("request", Method.Binding, transactionId).finish();
    sent.set(i, performance.now());
    await socket.send(request, { transport: "udp", hostname, port });
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  const deadline = performance.now() + LAST_WAIT_MS;
  while (answers < count && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  socket.close();
  await receiving;
  return { answers, roundTripMs, mapped };
}

if (import.meta.main) {
  const [ip, port, count, localPort] = Deno.args;
  const result = await probe(ip!, Number(port), Number(count), Number(localPort ?? 0));
  console.log(JSON.stringify(result));
}
