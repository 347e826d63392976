import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { run } from "./command.ts";
import { type Lab, labTest } from "./lab.ts";
import { digestOf, sendPseudoRandom } from "./pseudo_random.ts";

const NODE = "127.0.0.1:4001";
const JOIN = ["--no-discovery", "-b", NODE];
const SSH_PORT = 2222;
const TRANSFER_BYTES = 64 * 1024 * 1024;
const TIMED_RUNS = 5;

/** Debian's sshd with keys of its own; gives what `ssh` needs to log in there as root. */
async function startSshd(lab: Lab): Promise<string[]> {
  const directory = `${lab.directory}/ssh`;
  await Deno.mkdir(directory, { mode: 0o700 });
  for (const key of ["host", "user"]) {
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${directory}/${key}`);
  }
  const hostKey = await Deno.readTextFile(`${directory}/host.pub`);
  await Deno.writeTextFile(`${directory}/known_hosts`, `lab ${hostKey}`);
  await Deno.writeTextFile(
    `${directory}/sshd_config`,
    [
      `ListenAddress 127.0.0.1:${SSH_PORT}`,
      `HostKey ${directory}/host`,
      `AuthorizedKeysFile ${directory}/user.pub`,
      ...["StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin prohibit-password"],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no"],
    ].join("\n"),
  );
  await Deno.mkdir("/run/sshd", { recursive: true });
  const server = lab.background("/usr/sbin/sshd", "-D", "-e", "-f", `${directory}/sshd_config`);
  await server.shows(/Server listening/);
  return [
    ...["ssh", "-F", "none", "-i", `${directory}/user`, "-o", "IdentitiesOnly=yes"],
    ...["-o", `UserKnownHostsFile=${directory}/known_hosts`, "-o", "GlobalKnownHostsFile=none"],
    ...["-o", "HostKeyAlias=lab", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
  ];
}

labTest("ssh through dnc as its ProxyCommand", async (lab) => {
  await lab.dhtnode(4001);
  const ssh = await startSshd(lab);
  const server = await lab.dnc(["-l", "--allow", `127.0.0.1:${SSH_PORT}`, ...JOIN]);
  const id = await server.listening();
  const env = await lab.dncEnvironment();
  const proxy = shellLine(lab.dncCommand(id, "-P", String(SSH_PORT), ...JOIN));
  const through = [...ssh, "-o", `ProxyCommand=${proxy}`, "root@x"];
  const session = (...remote: string[]) =>
    new Deno.Command(through[0]!, {
      args: [...through.slice(1), ...remote],
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();

  await using passing = session("true");
  await passing.stdin.close();
  const { code, stderr } = await passing.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));

  const begin = performance.now();
  await using echoing = session("cat");
  const [sent, received] = await Promise.all([
    sendPseudoRandom(echoing.stdin, TRANSFER_BYTES, 3),
    digestOf(echoing.stdout),
  ]);
  const seconds = (performance.now() - begin) / 1000;
  assert.deepEqual(received, sent);
  assert.equal((await echoing.status).code, 0);
  assert.equal(await new Response(echoing.stderr).text(), "");
  console.log(`64 MiB through ssh through dnc and back in ${seconds.toFixed(1)} s`);

  // The server ends while a session is open: ssh and its dnc learn of it at once.
  await using open = session("echo begun; cat");
  const said = new Response(open.stderr).text();
  const output = open.stdout.getReader();
  assert.equal(new TextDecoder().decode((await output.read()).value), "begun\n");
  server.kill("SIGTERM");
  assert.equal(await server.finish(), "");
  assert.equal((await server.exit(5_000)).code, 143);
  assert.equal((await output.read()).done, true);
  assert.equal((await open.status).code, 255);
  assert.match(await said, /^dnc: the peer .*$/m);
  await lab.nothingLeft();
});

labTest("from the start of dnc to the first echoed byte, beside ssh to localhost", async (lab) => {
  await lab.dhtnode(4001);
  const ssh = await startSshd(lab);
  const direct = lab.namespace.inside(...ssh, "-p", String(SSH_PORT), "root@127.0.0.1", "true");
  const dncTimes: number[] = [], sshTimes: number[] = [];
  const environments = [await lab.dncEnvironment(), await lab.dncEnvironment()];
  for (const env of environments) await (await lab.dnc(["--id"], { env })).finish();
  for (let count = 0; count < TIMED_RUNS; count++) {
    const listener = await lab.dnc(["-l", ...JOIN], { env: environments[0]! });
    const id = await listener.listening();
    const echo = (async () => {
      const input = listener.stdout.getReader();
      const writer = listener.stdin.getWriter();
      await writer.write((await input.read()).value!);
      await writer.close();
      await input.cancel();
    })();
    echo.catch(() => {}); // where it matters it is awaited
    let begin = performance.now();
    const dialler = await lab.dnc([id, ...JOIN], { env: environments[1]! });
    await dialler.write("x");
    const output = dialler.stdout.getReader();
    const { value } = await output.read();
    dncTimes.push(performance.now() - begin);
    assert.equal(value?.length, 1);
    await echo;
    await dialler.stdin.close();
    assert.equal((await output.read()).done, true);
    const exits = await Promise.all([dialler.exit(), listener.exit()]);
    assert.deepEqual(exits.map(({ code }) => code), [0, 0], lab.log);
    begin = performance.now();
    await run(...direct);
    sshTimes.push(performance.now() - begin);
  }
  const show = (times: number[]) => {
    const sorted = times.map(Math.round).toSorted((a, b) => a - b);
    return `median ${sorted[sorted.length >> 1]} ms (${sorted.join(", ")})`;
  };
  console.log(`dnc, process start to first echoed byte: ${show(dncTimes)}`);
  console.log(`ssh localhost true: ${show(sshTimes)}`);
  await lab.nothingLeft();
});
