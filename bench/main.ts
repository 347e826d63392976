/**
 * Compares dhtnet with its peers in one run, on loopback: `deno task bench [MiB]`. Absolute figures
 * mean little on a shared machine; the ratios to hyperdht, taken in the same run, are the result.
 */
import { numberArguments } from "./arguments.ts";
import { dhtnet, hyperdht, plainTcp, type Result } from "./subjects.ts";
import { median, printTable, quantile } from "./table.ts";
import { tlsTunnel } from "./tls.ts";
import type { Amounts } from "./workload.ts";

const usage = "deno task bench [MiB to transfer, default 512]";
const [mebibytes] = numberArguments(usage, [{ default: 512 }]);
const amounts: Amounts = { bulkBytes: mebibytes * 2 ** 20, warmDials: 20, echoes: 2000 };
const directory = await Deno.makeTempDir({ prefix: "dhtnet-bench-" });
const results: Result[] = [];
let bulkOnly: { name: string; bulkMBps: number }[] = [];
try {
  results.push(await plainTcp(amounts));
  results.push(await hyperdht(directory, amounts));
  results.push(await dhtnet("tcp", amounts));
  results.push(await dhtnet("quic", amounts));
  bulkOnly = await tlsTunnel(directory, amounts.bulkBytes);
} finally {
  await Deno.remove(directory, { recursive: true });
}

const base = results.find(({ name }) => name.startsWith("hyperdht"))!;
const ratio = (value: number, of: number) => `${(value / of).toFixed(2)} x`;
const row = ({ name, figures, coldMs, serverMB }: Result) => [
  name,
  figures.bulkMBps.toFixed(0),
  ratio(figures.bulkMBps, base.figures.bulkMBps),
  median(figures.setupMs).toFixed(1),
  ratio(median(figures.setupMs), median(base.figures.setupMs)),
  median(coldMs).toFixed(0),
  ratio(median(coldMs), median(base.coldMs)),
  median(figures.echoUs).toFixed(0),
  quantile(figures.echoUs, 0.99).toFixed(0),
  ratio(median(figures.echoUs), median(base.figures.echoUs)),
  `${figures.rssMB.toFixed(0)}/${serverMB.toFixed(0)}`,
];
const blank = (n: number) => Array.from({ length: n }, () => "-");
printTable(
  ["", "MB/s", "", "warm ms", "", "cold ms", "", "echo µs", "p99", "", "RSS MiB c/s"],
  [
    ...results.map(row),
    ...bulkOnly.map((tls) => [
      tls.name,
      tls.bulkMBps.toFixed(0),
      ratio(tls.bulkMBps, base.figures.bulkMBps),
      ...blank(8),
    ]),
  ],
);
