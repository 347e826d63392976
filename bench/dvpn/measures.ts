import { run } from "../../tests/lab/command.ts";
import type { NetworkNamespace } from "../../tests/lab/namespace.ts";

/** Time between two pings, seconds: far enough apart that none meets the other. */
const PING_INTERVAL_S = 0.004;

/**
 * iperf3 over TCP.
 *
 * @param options of iperf3
 * @returns Mbit/s that arrived
 */
export async function throughput(
  from: NetworkNamespace,
  to: string,
  seconds: number,
  ...options: string[]
): Promise<number> {
  const limit = ["timeout", String(seconds + 10)];
  const iperf = ["iperf3", "-c", to, "-t", String(seconds), "--connect-timeout", "3000", "-J"];
  const text = await run(...from.inside(...limit, ...iperf, ...options));
  return JSON.parse(text).end.sum_received.bits_per_second / 1e6;
}

/**
 * Round trips of ICMP.
 *
 * @returns times in microseconds
 */
export async function roundTrips(
  from: NetworkNamespace,
  to: string,
  count: number,
  intervalS: number = PING_INTERVAL_S,
): Promise<number[]> {
  const ping = ["ping", "-c", String(count), "-i", String(intervalS), "-W", "2", to];
  const text = await run(...from.inside(...ping));
  return [...text.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms) * 1000);
}

/** Processor time that a process has used so far, ms. */
export async function processorMs(pid: number): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Memory that a process has in use, MiB. */
export async function memoryMiB(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}
