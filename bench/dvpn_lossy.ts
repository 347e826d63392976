/**
 * What a long and lossy way makes of each way to carry packets: `deno run -A bench/dvpn_lossy.ts
 * [delay ms, one way] [loss %] [seconds]`. iperf3 over TCP, one stream; and pings beside it, which
 * show what waits for what. Needs root, and Debian's iperf3.
 */
import { Background } from "../tests/lab/command.ts";
import { DvpnLab } from "../tests/lab/dvpn_lab.ts";
import { numberArguments } from "./arguments.ts";
import { ImpairedWay } from "./dvpn/impaired_way.ts";
import { roundTrips, throughput } from "./dvpn/measures.ts";
import { dvpn } from "./dvpn/rivals.ts";
import { median, printTable, quantile } from "./table.ts";

const usage = "deno run -A bench/dvpn_lossy.ts [delay ms, one way] [loss %] [seconds]";
const [delayMs, lossPercent, seconds] = numberArguments(usage, [
  { default: 25, least: 0, fraction: true },
  { default: 1, least: 0, most: 100, fraction: true },
  { default: 8 },
]);
const PINGS = 100;
const INTERVAL_S = 0.04;

/** Every way over every path; over TCP there are no datagrams. */
const WAYS = [
  ["--carry", "session", "--transport", "tcp"],
  ["--carry", "session", "--transport", "quic"],
  ["--carry", "datagram", "--transport", "quic"],
  ["--carry", "auto", "--transport", "quic"],
  ["--carry", "auto"],
];

const rows: string[][] = [];
for (const options of WAYS) {
  await using lab = await DvpnLab.create();
  await using _way = await ImpairedWay.create(lab, delayMs, lossPercent);
  await using _iperf = new Background(lab.serverHost.inside("iperf3", "-s"));
  const { ipv4 } = await dvpn(lab, ...options);
  const idle = await roundTrips(lab.clientHost, ipv4!, PINGS, INTERVAL_S);
  const [bulk, busy] = await Promise.all([
    throughput(lab.clientHost, ipv4!, seconds),
    roundTrips(lab.clientHost, ipv4!, PINGS, INTERVAL_S),
  ]);
  const { path } = (await lab.status("client")).peers[0];
  const ms = (us: number) => (us / 1000).toFixed(0);
  rows.push([
    `${options.join(" ")} (${path?.kind})`,
    bulk.toFixed(0),
    ...[idle, busy].flatMap((times) => [
      ms(median(times)),
      ms(quantile(times, 0.99)),
      String(PINGS - times.length),
    ]),
  ]);
}
const ping = ["median", "p99", "lost"];
printTable(
  ["", "Mbit/s", ...ping.map((one) => `idle ${one}`), ...ping.map((one) => `busy ${one}`)],
  rows,
);
