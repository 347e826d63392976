/**
 * Compares dsh with OpenSSH in one run, on loopback: `deno run -A bench/dsh.ts [MiB]`. Runs take
 * turns. "MB/s" is of the transfer alone, output into `/dev/null` ("down") or input from a pipe
 * ("up"): the shortest run less the shortest of `true`, which starts, connects and ends like it and
 * has a column of its own. The shortest, since what else a shared machine does only lengthens a run;
 * of `true` and of echoes there are medians. Needs Linux, and Debian's openssh-server.
 */
import { numberArguments } from "./arguments.ts";
import { SshdServer } from "./dsh/sshd.ts";
import { DshServer } from "./dsh/dsh_server.ts";
import { bulkSeconds, echoLatencies, startSeconds, transferRate } from "./dsh/measures.ts";
import { median, printTable, quantile } from "./table.ts";

const ROUNDS = 5;
const usage = "deno run -A bench/dsh.ts [MiB to transfer, default 1024]";
const [mebibytes] = numberArguments(usage, [{ default: 1024 }]);
const directory = await Deno.makeTempDir({ prefix: "dhtnet-bench-" });
try {
  await using ssh = await SshdServer.start(directory);
  await using dsh = await DshServer.start(directory);
  const bytes = mebibytes * 2 ** 20;
  const subjects = [{ name: "ssh", server: ssh }, { name: "dsh", server: dsh }].map((subject) => ({
    ...subject,
    down: [] as number[],
    up: [] as number[],
    start: [] as number[],
    echoUs: [] as number[],
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { server, down, up, start, echoUs } of subjects) {
      down.push(await bulkSeconds(server.command(`yes | head -c ${bytes}`), 0));
      up.push(await bulkSeconds(server.command("cat > /dev/null"), bytes));
      start.push(await startSeconds(server.command("true")));
      echoUs.push(...await echoLatencies(server.terminalCommand("cat")));
    }
  }
  const base = subjects[0]!;
  const ratio = (value: number, of: number) => `${(value / of).toFixed(2)} x`;
  const rate = (seconds: number[], start: number[]) => transferRate(bytes, seconds, start) / 1e6;
  printTable(
    ["", "down MB/s", "", "up MB/s", "", "true ms", "", "echo µs", "", "p99", ""],
    subjects.map(({ name, down, up, start, echoUs }) => [
      name,
      rate(down, start).toFixed(0),
      ratio(rate(down, start), rate(base.down, base.start)),
      rate(up, start).toFixed(0),
      ratio(rate(up, start), rate(base.up, base.start)),
      (median(start) * 1000).toFixed(0),
      ratio(median(start), median(base.start)),
      median(echoUs).toFixed(0),
      ratio(median(echoUs), median(base.echoUs)),
      quantile(echoUs, 0.99).toFixed(0),
      ratio(quantile(echoUs, 0.99), quantile(base.echoUs, 0.99)),
    ]),
  );
} finally {
  await Deno.remove(directory, { recursive: true });
}
