import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Background, eventually, run } from "./command.ts";
import { dvpnTest } from "./dvpn_lab.ts";
import { type Lab, labTest } from "./lab.ts";
import { type ReadmeCommand, readmeCommands, readmeLine } from "./readme_commands.ts";
import { putTools } from "./tool_commands.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** A stranger's first connection has to stand by then, ms. */
const FIRST_CONNECTION_MS = 120_000;

/** What the continuous integration runs as it stands there: the tests themselves. */
const RUN_BY_CI = ["npx -y deno@2.9.6 task test"];

/** The people of README on one machine without a network, each with a home. */
class People implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #running: Background[] = [];
  readonly #ids = new Map<string, string>();

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** Puts the tools on everybody's path, and everybody on loopback. */
  static async create(lab: Lab): Promise<People> {
    await putTools(`${lab.directory}/bin`);
    return new People(lab);
  }

  home(who: string): string {
    return `${this.#lab.directory}/${who}`;
  }

  /** What a line is as it is typed: with the ids of these people in place of README's. */
  async typed({ who, line }: ReadmeCommand): Promise<string[]> {
    const server = who === "bob" && line.includes("dnc") ? "alice" : "server";
    let command = line;
    if (/3f6c…e1|\bID\b/.test(line)) {
      command = line.replace(/3f6c…e1|\bID\b/, await this.id(server));
    }
    if (line.includes("9b1d…07")) command = line.replace("9b1d…07", await this.id("bob"));
    return this.inside(who, "bash", "-c", command);
  }

  /** A command in somebody's home, with somebody's environment. */
  inside(who: string, ...command: string[]): string[] {
    const environment = [
      `HOME=${this.home(who)}`,
      `PATH=${this.#lab.directory}/bin:${Deno.env.get("PATH")}`,
      `DENO_DIR=${this.#lab.denoDirectory}`,
      `DHTNET_CONFIG_DIR=${this.home(who)}/dhtnet`,
      "DHTNET_INTERFACE=lo",
      "SHELL=/bin/sh",
      "TERM=xterm",
    ];
    return this.#lab.namespace.inside(
      "env",
      "-i",
      `--chdir=${this.home(who)}`,
      ...environment,
      ...command,
    );
  }

  async id(who: string): Promise<string> {
    let id = this.#ids.get(who);
    if (id === undefined) {
      await Deno.mkdir(this.home(who), { recursive: true });
      id = (await run(...this.inside(who, "dnc", "--id"))).trim();
      this.#ids.set(who, id);
    }
    return id;
  }

  /** Runs a command to its end. */
  async runs(command: ReadmeCommand): Promise<string> {
    await this.id(command.who);
    return await run(...await this.typed(command));
  }

  /** Starts a command that goes on. */
  async starts(command: ReadmeCommand): Promise<Background> {
    await this.id(command.who);
    return this.keep(new Background(await this.typed(command)));
  }

  keep(process: Background): Background {
    this.#running.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#running) await process[Symbol.asyncDispose]();
  }
}

const commands = await readmeCommands();

/** The command of README that begins so. */
function find(start: string, who?: string): ReadmeCommand {
  const found = commands.find((one) =>
    one.line.startsWith(start) && (who === undefined || one.who === who)
  );
  assert.ok(found, `README has no command that begins with ${start}`);
  return found;
}

const HERE = {
  pipe: [find("dnc -l", "alice"), find("echo hello")],
  shell: [find("dsh -l"), find("dsh 3f6c…e1", "bob"), find("tar c dir"), find("dsh 3f6c…e1 -- ")],
  files: [find("dsh 3f6c…e1 --put"), find("dsh 3f6c…e1 --get")],
  forward: [
    find("dnc -l --allow", "server"),
    find("dnc ID -L 8000:127"),
    find("dnc ID -L 8000:/run"),
    find("dnc ID -D"),
    find("dnc ID -R"),
    find("dnc ID --udp -L"),
  ],
  network: [find("dvpn -l"), find("dvpn 3f6c…e1")],
  trace: [find("dnc 3f6c…e1 -vvv")],
} as const;

Deno.test("README: each of its commands is run by a test", async () => {
  const run = new Set(RUN_BY_CI);
  for (const { line } of Object.values(HERE).flat()) run.add(line);
  // Others ask for the line that they run.
  for await (const { name } of Deno.readDir(`${ROOT}tests/lab`)) {
    if (!name.endsWith(".ts")) continue;
    const source = await Deno.readTextFile(`${ROOT}tests/lab/${name}`);
    for (const [, , line] of source.matchAll(/readmeLine\(\s*(["'])(.+?)\1,?\s*\)/g)) {
      run.add(line!);
    }
  }
  const missing = commands.filter(({ line }) => !run.has(line)).map(({ line }) => line);
  assert.deepEqual(missing, [], "no test runs these");
});

Deno.test("README: from git clone to the first connection within two minutes, nothing edited", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dhtnet-clone-" });
  const processes: Background[] = [];
  // On this machine alone; nothing that was loaded before is there.
  const env = {
    HOME: directory,
    DENO_DIR: `${directory}/deno`,
    DHTNET_INTERFACE: "lo",
    NO_COLOR: "1",
  };
  // npx has children: timeout passes a signal on to all of them.
  const inClone = (line: string, home: string) => [
    ...["timeout", `${2 * FIRST_CONNECTION_MS / 1000}`, "sh", "-c"],
    `cd ${directory}/dhtnet && exec env DHTNET_CONFIG_DIR=${directory}/${home} ${line}`,
  ];
  try {
    const begin = performance.now();
    await run("git", "clone", "-q", ROOT, `${directory}/dhtnet`);
    const terminal = (line: string, home: string) => {
      const process = new Background(inClone(line, home), { env });
      processes.push(process);
      return process;
    };
    const deno = (await readmeLine("npx -y deno@2.9.6 task demo")).replace(/ demo$/, "");
    const alice = terminal(`${deno} ${(await readmeLine("dnc -l"))}`, "alice");
    const id = (await alice.shows(/listening, id ([0-9a-f]{64})/, FIRST_CONNECTION_MS))[1]!;
    const bob = terminal(`${deno} dnc ${id}`, "bob");
    await bob.type("hello");
    await alice.shows(/^hello$/m, FIRST_CONNECTION_MS);
    const tookMs = performance.now() - begin;
    console.log(`first connection ${(tookMs / 1000).toFixed(1)} s after git clone began`);
    assert.ok(tookMs < FIRST_CONNECTION_MS);

    const demo = terminal(await readmeLine("npx -y deno@2.9.6 task demo"), "carol");
    await demo.shows(/Everything arrived as it was sent/, 60_000);
    assert.equal(
      (await run("git", "-C", `${directory}/dhtnet`, "status", "--porcelain")).trim(),
      "",
    );
  } finally {
    for (const process of processes) {
      process.kill("SIGTERM");
      await process.status;
      await process[Symbol.asyncDispose]();
    }
    await Deno.remove(directory, { recursive: true });
  }
});

labTest("README: a pipe between alice and bob, and its trace", async (lab) => {
  await using people = await People.create(lab);
  // At a terminal, where the end of what bob sends is the end of the call.
  const atTerminal = async () => {
    await people.id("alice");
    const typed = (await people.typed(HERE.pipe[0])).at(-1)!;
    const alice = people.keep(
      new Background(people.inside("alice", "script", "-qec", typed, "/dev/null")),
    );
    await alice.shows(/listening, id/);
    return alice;
  };
  const alice = await atTerminal();
  await people.runs(HERE.pipe[1]);
  await alice.shows(/^hello\r?$/m);
  await atTerminal();
  const traced = await people.starts(HERE.trace[0]);
  await traced.shows(/#1 +[\d.]+ ms +dht/);
  await traced.shows(/decision/);
  await eventually("the trace is written", async () => {
    const page = await Deno.readTextFile(`${people.home("bob")}/call.html`).catch(() => "");
    return page.includes("<svg");
  });
}, 60_000);

labTest("README: a shell, and files", async (lab) => {
  await using people = await People.create(lab);
  await people.id("bob");
  const home = people.home("bob");
  await run(
    "sh",
    "-c",
    `mkdir -p ${home}/dir ${home}/photos/2026 && echo 1 > ${home}/dir/one &&
    echo cat > ${home}/photos/2026/cat.jpg`,
  );
  const [listen, terminal, tar, status] = HERE.shell;
  const root = `${lab.directory}/root`;
  await Deno.mkdir(root);
  // --files is what README says a server needs for the next two.
  const server = await people.starts({ ...listen, line: `${listen.line} --files ${root}` });
  await server.shows(/listening, id/);

  const typed = (await people.typed(terminal)).at(-1)!;
  const shell = people.keep(
    new Background(people.inside("bob", "script", "-qec", typed, "/dev/null")),
  );
  await eventually("a prompt", () => shell.stdout.length > 0);
  await shell.type("echo $((6*7)); exit 7");
  await shell.shows(/42/);
  assert.equal((await shell.status).code, 7);

  await people.runs({ ...tar, line: tar.line.replace("/srv", `${root}`) });
  assert.equal(await Deno.readTextFile(`${root}/dir/one`), "1\n");
  assert.match(await people.runs(status), /%[\s\S]*\n0\n$/);

  for (const command of HERE.files) await people.runs(command);
  assert.equal(await Deno.readTextFile(`${root}/photos/2026/cat.jpg`), "cat\n");
  assert.equal(await Deno.readTextFile(`${home}/here/cat.jpg`), "cat\n");
}, 90_000);

dvpnTest("README: a network", async (lab) => {
  const id = async (side: "server" | "client") =>
    (await lab.start(side, "--id").shows(/[0-9a-f]{64}/))[0];
  const words = async ({ line }: ReadmeCommand) =>
    line.replace("9b1d…07", await id("client")).replace("3f6c…e1", await id("server"))
      .split(" ").slice(1);
  const server = lab.start("server", ...await words(HERE.network[0]));
  await server.shows(/listening, id/);
  const client = lab.start("client", ...await words(HERE.network[1]));
  await client.shows(/connected over .*: we have 10\.80\.77\.\d+ and fd/);
});

labTest("README: forwarding", async (lab) => {
  await using people = await People.create(lab);
  const inside = (...command: string[]) => lab.namespace.inside(...command);
  await Deno.writeTextFile(`${lab.directory}/index.html`, "the page");
  people.keep(
    new Background(
      inside("python3", "-m", "http.server", "80", "--bind", "127.0.0.1", "-d", lab.directory),
    ),
  );
  people.keep(
    new Background(
      inside("python3", "-m", "http.server", "3000", "--bind", "127.0.0.1", "-d", lab.directory),
    ),
  );
  people.keep(
    new Background(
      inside(
        "dnsmasq",
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--address=/example.org/192.0.2.55",
        "--pid-file=",
      ),
    ),
  );
  const socket = `${lab.directory}/app.sock`;
  people.keep(new Background(inside("socat", `UNIX-LISTEN:${socket},fork`, "EXEC:echo the app")));
  const here = ({ who, line }: ReadmeCommand) => ({
    who,
    line: line.replace("/run/app.sock", socket),
  });

  const [listen, tcp, unix, socks, remote, udp] = HERE.forward;
  const server = await people.starts(here(listen));
  await server.shows(/listening, id/);
  const through = async (command: ReadmeCommand, ...client: string[]) => {
    const forward = await people.starts(here(command));
    let said = "";
    await eventually(`${client.join(" ")} gets an answer`, async () => {
      said = await run(...inside(...client)).catch(() => "");
      return said !== "";
    });
    forward.kill("SIGTERM");
    await forward.status;
    return said;
  };
  assert.equal(await through(tcp, "curl", "-s", "http://127.0.0.1:8000/index.html"), "the page");
  assert.equal(await through(unix, "socat", "-", "TCP:127.0.0.1:8000"), "the app\n");
  assert.equal(
    await through(
      socks,
      "curl",
      "-s",
      "--socks5-hostname",
      "127.0.0.1:1080",
      "http://127.0.0.1/index.html",
    ),
    "the page",
  );
  assert.equal(await through(remote, "curl", "-s", "http://127.0.0.1:8080/index.html"), "the page");
  assert.match(
    await through(udp, "dig", "-p", "5353", "@127.0.0.1", "+short", "example.org"),
    /192\.0\.2\.55/,
  );
}, 120_000);
