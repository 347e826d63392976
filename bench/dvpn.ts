/**
 * Compares `dvpn` with wireguard-go and yggdrasil between two network namespaces, in one run:
 * `deno run -A bench/dvpn.ts [rounds] [seconds]`. Needs root and Debian's iperf3, wireguard-go,
 * wireguard-tools and yggdrasil. Absolute figures mean little on a shared machine, so the tunnels take
 * turns, and medians of the rounds are compared.
 */
import { Background } from "../tests/lab/command.ts";
import { DvpnLab } from "../tests/lab/dvpn_lab.ts";
import { numberArguments } from "./arguments.ts";
import { memoryMiB, processorMs, roundTrips, throughput } from "./dvpn/measures.ts";
import { dvpn, type Tunnel, wireguardGo, yggdrasil } from "./dvpn/rivals.ts";
import { median, printTable, quantile } from "./table.ts";

const usage = "deno run -A bench/dvpn.ts [rounds, default 3] [seconds, default 3]";
const [rounds, seconds] = numberArguments(usage, [{ default: 3 }, { default: 3 }]);
const PINGS = 200;

/** What iperf3 is asked for; the key is the column. */
const TRANSFERS: Record<string, readonly string[]> = {
  "1 stream": [],
  "-R": ["-R"],
  "-P 4": ["-P", "4"],
};

const lab = await DvpnLab.create();
const iperf = new Background(lab.serverHost.inside("iperf3", "-s"));
const tunnels: Tunnel[] = [];
try {
  tunnels.push({ name: "no tunnel", ipv4: lab.outside.server, processes: [] });
  tunnels.push(await wireguardGo(lab));
  tunnels.push(await yggdrasil(lab));
  tunnels.push(await dvpn(lab));
  await compare();
} finally {
  for (const { processes } of tunnels) {
    for (const process of processes) await process[Symbol.asyncDispose]();
  }
  await iperf[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
}

async function compare(): Promise<void> {
  const samples = new Map<string, number[]>();
  const note = (tunnel: Tunnel, column: string, values: readonly number[]) => {
    const key = `${tunnel.name} ${column}`;
    samples.set(key, [...samples.get(key) ?? [], ...values]);
  };
  for (let round = 0; round < rounds; round++) {
    for (const tunnel of tunnels) {
      const address = (tunnel.ipv4 ?? tunnel.ipv6)!;
      note(tunnel, "ping", await roundTrips(lab.clientHost, address, PINGS));
      for (const [column, options] of Object.entries(TRANSFERS)) {
        note(tunnel, column, [await throughput(lab.clientHost, address, seconds, ...options)]);
      }
      if (tunnel.ipv4 !== undefined && tunnel.ipv6 !== undefined) {
        note(tunnel, "IPv6", [await throughput(lab.clientHost, tunnel.ipv6, seconds)]);
      }
    }
  }
  const of = (tunnel: Tunnel, column: string) => samples.get(`${tunnel.name} ${column}`) ?? [];
  const base = tunnels.find(({ name }) => name === "wireguard-go")!;
  const ratio = (tunnel: Tunnel, column: string) =>
    `${(median(of(tunnel, column)) / median(of(base, column))).toFixed(2)} x`;
  const figure = (values: readonly number[]) => values.length > 0 ? median(values).toFixed(0) : "-";
  const rows: string[][] = [];
  for (const tunnel of tunnels) {
    const pings = of(tunnel, "ping");
    const memory = await Promise.all(tunnel.processes.map(({ pid }) => memoryMiB(pid)));
    const used = await Promise.all(tunnel.processes.map(({ pid }) => processorMs(pid)));
    rows.push([
      tunnel.name,
      ...Object.keys(TRANSFERS).flatMap((column, index) =>
        index === 0
          ? [figure(of(tunnel, column)), ratio(tunnel, column)]
          : [figure(of(tunnel, column))]
      ),
      figure(of(tunnel, "IPv6")),
      figure(pings),
      ratio(tunnel, "ping"),
      quantile(pings, 0.99).toFixed(0),
      memory.map((one) => one.toFixed(0)).join("/") || "-",
      used.map((one) => (one / 1000).toFixed(1)).join("/") || "-",
    ]);
  }
  printTable([
    "Mbit/s, medians",
    ...Object.keys(TRANSFERS).flatMap((column, index) => index === 0 ? [column, ""] : [column]),
    ...["IPv6", "ping µs", "", "p99", "RSS MiB s/c", "CPU s s/c"],
  ], rows);
}
