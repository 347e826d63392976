import assert from "node:assert/strict";
import { builtFiles } from "./built.ts";
import { eventually, run } from "./command.ts";
import { DebianRoot } from "./debian_root.ts";
import type { DncProcess } from "./dnc_process.ts";
import { type Lab, labTest } from "./lab.ts";
import { SystemdMachine } from "./systemd_machine.ts";

const CONFIGURATION = "/etc/dhtnet/dnc.yaml";
/** The service that the shipped configuration leads to. */
const PORT = "22";

/** A server with the package installed and set up, and what its users see of it. */
class Server implements AsyncDisposable {
  private constructor(
    private readonly lab: Lab,
    readonly machine: SystemdMachine,
    readonly id: string,
  ) {}

  static async create(lab: Lab, root: DebianRoot): Promise<Server> {
    await run("sh", "-c", `cp ${await builtFiles()}/*.deb ${root.directory}/root/dhtnet.deb`);
    const machine = await SystemdMachine.boot(root, lab.namespace);
    try {
      await machine.run("dpkg", "-i", "/root/dhtnet.deb");
      await machine.run("crtmgr", "--setup", "-o", "/etc/dhtnet");
      const id = await machine.run("crtmgr", "-a", "-c", "/etc/dhtnet/id/id-server.crt");
      return new Server(lab, machine, id.trim());
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Replaces lines of the configuration file. */
  async edit(...expressions: string[]): Promise<void> {
    const words = expressions.flatMap((one) => ["-e", one]);
    await this.machine.run("sed", "-i", ...words, CONFIGURATION);
  }

  /** Opens a connection to the service. */
  async open(): Promise<DncProcess> {
    return await this.lab.dnc([this.id, "-P", PORT]);
  }

  /** Says hello over a connection of its own. */
  async call(): Promise<{ code: number; output: string; log: string }> {
    const client = await this.open();
    const output = await client.finish("hello").catch(() => "");
    return { ...await client.exit(), output, log: client.log };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}

/** Says words over a connection and waits for each to come back. */
function conversation(client: DncProcess): (word: string) => Promise<void> {
  const reader = client.stdout.getReader();
  return async (word) => {
    await client.write(word);
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), word, client.log);
  };
}

/** The service has no privileges, and sees little of the machine. */
async function sandboxed({ machine }: Server): Promise<void> {
  const pid = await machine.property("dnc", "MainPID");
  const status = await machine.run("cat", `/proc/${pid}/status`);
  const user = (await machine.run("id", "-u", "dhtnet")).trim();
  assert.match(status, new RegExp(`^Uid:(\\t${user}){4}$`, "m"));
  for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
    assert.match(status, new RegExp(`^Cap${set}:\t0{16}$`, "m"));
  }
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, /^Seccomp:\t2$/m);
  for (const path of ["/usr/probe", "/etc/dhtnet/probe", "/root/probe", "/home/probe"]) {
    await assert.rejects(machine.runAs("dnc", "touch", path), /Read-only|denied/, path);
  }
  await assert.rejects(machine.runAs("dnc", "test", "-e", "/root/dhtnet.deb"));
  await assert.rejects(machine.runAs("dnc", "test", "-e", "/dev/kmsg"));
  // Root's key reaches it as a credential, and in no other way.
  const key = "/etc/dhtnet/id/id-server.pem";
  await assert.rejects(machine.run("setpriv", `--reuid=${user}`, "--clear-groups", "cat", key));
}

labTest(
  "systemd runs dnc as a service: start, reload, restart, drain, upgrade, purge",
  async (lab) => {
    await using root = await DebianRoot.create(lab.namespace, ["systemd", "dbus"]);
    await using server = await Server.create(lab, root);
    const { machine } = server;
    const is = async (state: string) => (await machine.property("dnc", "ActiveState")) === state;
    const logged = (pattern: RegExp) =>
      eventually(
        `${pattern} is in the journal`,
        async () => (await machine.journal("dnc")).some((line) => pattern.test(line)),
      );
    const echo = lab.background(
      ...["socat", "-d", "-d", `TCP-LISTEN:${PORT},bind=127.0.0.1,fork,reuseaddr`, "EXEC:cat"],
    );
    await echo.shows(/listening on/);

    // Nothing starts by itself.
    assert.equal(await machine.property("dnc", "UnitFileState"), "disabled");
    assert.ok(await is("inactive"));
    // This network has its loopback, and no other interface.
    await server.edit("s/^bootstrap:.*/interface: lo/");

    // A mistake is told, and does not start again and again.
    await server.edit("s/^anonymous: true/anonymos: true/");
    await assert.rejects(machine.run("systemctl", "start", "dnc"));
    await logged(/dnc\.yaml:\d+:1: there is no setting anonymos/);
    assert.ok(await is("failed"));
    assert.equal(await machine.property("dnc", "NRestarts"), "0");
    await server.edit("s/^anonymos: true/anonymous: true/");

    // When start returns, it is ready.
    await machine.run("systemctl", "start", "dnc");
    assert.equal(await machine.property("dnc", "StatusText"), `listening, id ${server.id}`);
    await sandboxed(server);
    const live = await server.open();
    const talk = conversation(live);
    await talk("a");

    await server.edit("s/^    port: 22/    port: 23/");
    await machine.run("systemctl", "reload", "dnc");
    await logged(/configuration read again: 1 services/);
    const refused = await server.call();
    assert.equal(refused.code, 3, refused.log);
    await server.edit("s/^    port: 23/    port: 22/");
    await machine.run("systemctl", "reload", "dnc");
    await eventually("the service is there again", async () => (await server.call()).code === 0);
    await talk("b");

    // Stopped, it lets go on what is connected.
    await machine.run("systemctl", "stop", "--no-block", "dnc");
    await eventually("the service is stopping", () => is("deactivating"));
    await talk("c");
    await live.stdin.close();
    assert.equal((await live.exit()).code, 0, live.log);
    await eventually("the service has stopped", () => is("inactive"));
    assert.equal(await machine.property("dnc", "Result"), "success");

    // Killed, it comes back.
    await machine.run("systemctl", "start", "dnc");
    await machine.run("systemctl", "kill", "--signal=KILL", "dnc");
    await eventually(
      "the service is there again",
      async () => await machine.property("dnc", "NRestarts") === "1" && await is("active"),
    );
    const again = await server.call();
    assert.deepEqual([again.code, again.output], [0, "hello"], again.log);

    for (const line of await machine.journal("dnc")) {
      const { time, level, tool, message } = JSON.parse(line);
      assert.ok(time && level && message && tool === "dnc", line);
    }

    // A newer package restarts what runs, and its removal ends it.
    const before = await machine.property("dnc", "MainPID");
    await machine.run(
      ...["sh", "-ec"],
      `dpkg-deb -R /root/dhtnet.deb /root/new
     sed -i 's/^Version: .*/Version: 999.0.0/' /root/new/DEBIAN/control
     dpkg-deb -Znone -b /root/new /root/new.deb
     dpkg -i --force-confold /root/new.deb`,
    );
    assert.ok(await is("active"));
    assert.notEqual(await machine.property("dnc", "MainPID"), before);
    await machine.run("dpkg", "--purge", "dhtnet");
    assert.ok(await is("inactive"));
    assert.equal(await machine.property("dnc", "LoadState"), "not-found");
    await assert.rejects(machine.run("getent", "passwd", "dhtnet"));
    assert.equal((await server.call()).code, 1);
  },
  300_000,
);
