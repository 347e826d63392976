import assert from "node:assert/strict";
import { parseMetricsAddress } from "../../cmd/dnc/metrics/metrics_address.ts";
import { openMetrics } from "../../cmd/dnc/metrics/open_metrics.ts";
import { serveMetrics } from "../../cmd/dnc/metrics/serve_metrics.ts";
import { UsageError } from "../../cmd/tool/exit_code.ts";
import { Background } from "../lab/command.ts";
import { type ParsedFamily, parseOpenMetrics } from "../support/open_metrics_parser.ts";
import { runToolProcess, toolWords } from "./tool_process.ts";

Deno.test("what is written is read again, whatever the labels and helps hold", () => {
  const text = openMetrics([
    {
      name: "a_bytes",
      type: "counter",
      unit: "bytes",
      help: 'back\\slash, "quotes",\nnew line',
      samples: [{ labels: { x: 'a"b\\c\nd', y: "1" }, value: 1e21 }, {
        labels: { x: "" },
        value: 0.5,
      }],
    },
    { name: "b", type: "gauge", help: "empty", samples: [] },
    { name: "c", type: "info", help: "i", samples: [{ labels: { v: "1" }, value: 1 }] },
    { name: "d", type: "gauge", help: "odd", samples: [{ value: -Infinity }] },
  ]);
  const families = parseOpenMetrics(text);
  assert.deepEqual([...families.keys()], ["a_bytes", "b", "c", "d"]);
  assert.deepEqual([...families.get("a_bytes")!.samples.values()], [1e21, 0.5]);
});

Deno.test("the parser of this test refuses what is no OpenMetrics", () => {
  for (
    const bad of [
      "",
      "# EOF",
      "a 1\n# EOF\n",
      "# TYPE a gauge\na 1\n",
      "# TYPE a counter\na 1\n# EOF\n",
      "# TYPE a gauge\na{x=1} 1\n# EOF\n",
      "# TYPE a gauge\na one\n# EOF\n",
      "# TYPE a gauge\na 1\na 2\n# EOF\n",
      "# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
      "# TYPE a gauge\na 1\n# TYPE a gauge\n# EOF\n",
    ]
  ) assert.throws(() => parseOpenMetrics(bad), Error, bad);
});

Deno.test("--metrics takes addresses of this machine alone", () => {
  assert.deepEqual(parseMetricsAddress("9464"), { kind: "tcp", host: "127.0.0.1", port: 9464 });
  assert.deepEqual(parseMetricsAddress("[::1]:1"), { kind: "tcp", host: "::1", port: 1 });
  assert.deepEqual(parseMetricsAddress("unix:/run/m"), { kind: "unix", path: "/run/m" });
  for (
    const bad of [
      "0.0.0.0:9464",
      "*:9464",
      ":9464",
      "192.0.2.1:1",
      "example.org:1",
      "unix:m",
      "",
      "x",
    ]
  ) {
    assert.throws(() => parseMetricsAddress(bad), UsageError, bad);
  }
});

/** What a raw request gets from an address, or from the path of a socket. */
async function ask(address: string, request: string): Promise<string> {
  const [hostname, port] = address.split(":");
  using connection = port === undefined
    ? await Deno.connect({ transport: "unix", path: address })
    : await Deno.connect({ hostname: hostname!, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  const chunks: string[] = [], buffer = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return chunks.join("");
    chunks.push(new TextDecoder().decode(buffer.subarray(0, count)));
  }
}

Deno.test("the server answers what it has, and no stranger's page", async () => {
  let asked = 0;
  using server = await serveMetrics(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    () => `# TYPE n gauge\nn ${++asked}\n# EOF\n`,
  );
  const { address } = server;
  const response = await fetch(`http://${address}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type")!, /^application\/openmetrics-text; version=1/);
  assert.equal(parseOpenMetrics(await response.text()).get("n")?.samples.get(""), 1);
  const here = "Host: localhost:9464\r\n\r\n";
  for (
    const [request, status] of [
      [`GET /metrics?a HTTP/1.0\r\n\r\n`, 200],
      [`HEAD /metrics HTTP/1.1\r\n${here}`, 200],
      [`GET /metrics HTTP/1.1\r\nHost: [::1]:80\r\n\r\n`, 200],
      [`GET /metrics HTTP/1.1\r\nHost: LocalHost:9464\r\n\r\n`, 200],
      [`GET / HTTP/1.1\r\n${here}`, 404],
      [`POST /metrics HTTP/1.1\r\n${here}`, 405],
      [`GET /metrics HTTP/1.1\r\nhost: rebound.example\r\n\r\n`, 403],
      [`\x16\x03\x01\x00\xff\r\n\r\n`, 400],
      [`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(9_000)}\r\n\r\n`, 400],
    ] as const
  ) {
    assert.match(await ask(address, request), new RegExp(`^HTTP/1.1 ${status} `), request);
  }
  assert.equal(asked, 5, "metrics are made for those who get them");
  assert.ok(!(await ask(address, `HEAD /metrics HTTP/1.1\r\n${here}`)).includes("# TYPE"));
});

Deno.test("over a unix socket every host may be named", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/metrics.sock`;
  {
    using server = await serveMetrics({ kind: "unix", path }, () => "# EOF\n");
    assert.equal(server.address, path);
    for (const host of ["dnc", "rebound.example", "localhost"]) {
      const answer = await ask(path, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1.1 200 [^]*# EOF\n$/, host);
    }
    assert.match(await ask(path, "GET / HTTP/1.1\r\nHost: dnc\r\n\r\n"), /^HTTP\/1.1 404 /);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("more connections than there is room for are closed, and others served again", async () => {
  using server = await serveMetrics({ kind: "tcp", host: "127.0.0.1", port: 0 }, () => "# EOF\n");
  const [hostname, port] = server.address.split(":");
  const idle: Deno.TcpConn[] = [];
  for (let i = 0; i < 20; i++) {
    idle.push(await Deno.connect({ hostname: hostname!, port: Number(port) }));
  }
  const ended = await Promise.race(
    idle.slice(16).map((one) => one.read(new Uint8Array(1)).catch(() => null)),
  );
  assert.equal(ended, null);
  for (const one of idle) one.close();
  for (let tries = 0;; tries++) {
    const answer = await ask(server.address, "GET /metrics HTTP/1.0\r\n\r\n");
    if (answer.startsWith("HTTP/1.1 200")) break;
    assert.ok(tries < 100, "it goes on when they have left");
  }
});

/** A service with metrics, on loopback, in a directory of its own. */
async function withService(
  test: (
    service: { id: string; metrics: string; port: number; directory: string },
  ) => Promise<void>,
) {
  const directory = await Deno.makeTempDir();
  const echo = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const connection of echo) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  try {
    const { port } = echo.addr;
    const command = [
      ...[...toolWords("dnc"), "-l", "--interface", "lo", "--allow", `127.0.0.1:${port}`],
      ...["--metrics", "127.0.0.1:0"],
    ];
    await using service = new Background(command, {
      env: { DHTNET_CONFIG_DIR: `${directory}/service`, NO_COLOR: "1" },
    });
    const id = (await service.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const metrics = (await service.shows(/metrics at (\S+)/))[1]!;
    await test({ id, metrics, port, directory });
    Deno.kill(service.pid, "SIGINT");
    assert.equal((await service.status).code, 130);
    assert.deepEqual([...Deno.readDirSync(`${directory}/service/dnc`)], []);
  } finally {
    echo.close();
    await Deno.remove(directory, { recursive: true });
  }
}

async function read(address: string): Promise<Map<string, ParsedFamily>> {
  return parseOpenMetrics(await (await fetch(`http://${address}/metrics`)).text());
}

Deno.test("a service tells by metrics and by --status what it does, and leaves nothing", async () => {
  await withService(async ({ id, metrics, port, directory }) => {
    const before = await read(metrics);
    const value = (families: typeof before, name: string, labels = "") =>
      families.get(name)?.samples.get(labels);
    assert.equal(value(before, "dhtnet_sessions_begun", "direction=incoming"), 0);
    assert.ok(value(before, "process_resident_memory_bytes")! > 1e6);
    assert.equal(before.get("dhtnet_build")?.type, "info");
    const asClient = { DHTNET_CONFIG_DIR: `${directory}/client` };
    const call = await runToolProcess("dnc", [id, "--interface", "lo", "-P", `${port}`], asClient);
    assert.equal(call.code, 0, call.stderr);
    const refused = await runToolProcess("dnc", [id, "--interface", "lo", "-P", "1"], asClient);
    assert.equal(refused.code, 3, refused.stderr);
    const after = await read(metrics);
    assert.equal(value(after, "dhtnet_sessions_begun", "direction=incoming"), 2);
    assert.ok(value(after, "dhtnet_sent_bytes")! > 0 && value(after, "dhtnet_received_bytes")! > 0);
    assert.ok(value(after, "dhtnet_dht_datagrams", "direction=received")! > 0);
    assert.equal(value(after, "dhtnet_peers_refused", "reason=policy"), 0);
    const paths = [...after.get("dhtnet_sessions")!.samples.keys()];
    assert.ok(paths.includes("direction=incoming,path=relayed"), paths.join(" "));

    const asService = { DHTNET_CONFIG_DIR: `${directory}/service` };
    const asked = await runToolProcess("dnc", ["--status", "--json"], asService);
    assert.equal(asked.code, 0, asked.stderr);
    const report = JSON.parse(asked.stdout);
    assert.equal(report.id, id);
    assert.equal(report.totals.incoming, 2);
    assert.ok(Array.isArray(report.sessions) && report.memory > 1e6);
    const shown = await runToolProcess("dnc", ["--status"], asService);
    assert.match(shown.stdout, new RegExp(`^dnc \\d+: listening, id ${id}\n`));
    const sockets = `${directory}/service/dnc`;
    for (const { name } of Deno.readDirSync(sockets)) {
      assert.equal(Deno.statSync(`${sockets}/${name}`).mode! & 0o777, 0o600);
    }
    const nobody = await runToolProcess("dnc", ["--status"], asClient);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no dnc -l of this user/);
  });
});

Deno.test("metrics that cannot be served are a failure at once; without -l they are a mistake", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const env = { DHTNET_CONFIG_DIR: directory };
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${taken.addr.port}`;
    const listening = ["-l", "--interface", "lo", "--metrics", address];
    const busy = await runToolProcess("dnc", listening, env);
    taken.close();
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /is in use already/);
    const calling = await runToolProcess("dnc", ["d7".repeat(32), "--metrics", address], env);
    assert.equal(calling.code, 2);
    assert.match(calling.stderr, /--metrics needs -l/);
    const outside = await runToolProcess("dnc", ["-l", "--metrics", "0.0.0.0:9464"], env);
    assert.equal(outside.code, 2);
    assert.match(outside.stderr, /--metrics: expects an address of this machine alone/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
