import assert from "node:assert/strict";
import { Background, eventually, run } from "./command.ts";
import { dvpnTest } from "./dvpn_lab.ts";
import { type Lab, labTest } from "./lab.ts";
import { type ReadmeCommand, readmeCommands } from "./readme_commands.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Commands that a test of their own runs as they stand there, and what to look for in it. */
const ELSEWHERE: Record<string, { readonly test: string; readonly by: RegExp }> = {
  "npx -y deno@2.9.6 task demo": { test: ".ci/run", by: /deno task "\$task"/ },
  "npx -y deno@2.9.6 task test": { test: ".ci/run", by: /deno task "\$task"/ },
  "deno task dist": { test: "tests/lab/built.ts", by: /cmd\/dist\.ts/ },
  "sudo install dist/dnc-linux-x64 /usr/local/bin/dnc": {
    test: "tests/lab/dist_test.ts",
    by: /\/packages\/\$\{tool\}/,
  },
  "sudo apt install ./dist/dhtnet_0.1.0_amd64.deb": {
    test: "tests/lab/dist_test.ts",
    by: /"dpkg", "-i"/,
  },
  "dvpn --mesh --member ID-OF-B --member ID-OF-C": {
    test: "tests/lab/dvpn_mesh_test.ts",
    by: /--mesh/,
  },
  "dvpn --mesh --member ID-OF-A --member ID-OF-C": {
    test: "tests/lab/dvpn_mesh_test.ts",
    by: /--mesh/,
  },
  "crtmgr --interactive": { test: "tests/lab/setup_walkthrough_test.ts", by: /--interactive/ },
  "dnc -l -d /etc/dhtnet/dnc.yaml": {
    test: "tests/lab/setup_walkthrough_test.ts",
    by: /dnc\.yaml/,
  },
  "ssh USER@dnc/3f6c…e1": { test: "tests/lab/setup_walkthrough_test.ts", by: /@dnc\// },
  'CA="-c /etc/dhtnet/CA/ca-server.crt -p /etc/dhtnet/CA/ca-server.pem"': {
    test: "tests/lab/setup_walkthrough_test.ts",
    by: /ca-server\.crt/,
  },
  "crtmgr renew certificate.crt $CA": {
    test: "tests/lab/setup_walkthrough_test.ts",
    by: /renew/,
  },
  "crtmgr revoke certificate.crt $CA": {
    test: "tests/lab/setup_walkthrough_test.ts",
    by: /revoke/,
  },
  "crtmgr encrypt /etc/dhtnet/CA/ca-server.pem": {
    test: "tests/cli/crtmgr_commands_test.ts",
    by: /encrypt/,
  },
  "export DHTNET_TURN_PASS=…": { test: "tests/lab/relay_kinds_test.ts", by: /turn/i },
  "dnc -l --stun stun.example.org -t relay.example.org -u alice": {
    test: "tests/lab/nat/site.ts",
    by: /dnc/,
  },
};

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
    await Deno.mkdir(`${lab.directory}/bin`);
    for (const tool of ["dnc", "dsh", "crtmgr"]) {
      const start = `exec ${Deno.execPath()} run -A --unstable-net ${ROOT}cmd/${tool}.ts "$@"`;
      await Deno.writeTextFile(`${lab.directory}/bin/${tool}`, `#!/bin/sh\n${start}\n`, {
        mode: 0o755,
      });
    }
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
  const here = new Set(Object.values(HERE).flat().map(({ line }) => line));
  for (const { line } of commands) {
    if (here.has(line)) continue;
    const elsewhere = ELSEWHERE[line];
    assert.ok(elsewhere, `no test runs README's command: ${line}`);
    assert.match(await Deno.readTextFile(ROOT + elsewhere.test), elsewhere.by, line);
  }
  for (const line of Object.keys(ELSEWHERE)) {
    assert.ok(commands.some((command) => command.line === line), `README has no more: ${line}`);
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
