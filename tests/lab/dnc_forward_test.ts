import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { eventually } from "./command.ts";
import { type Lab, labTest } from "./lab.ts";
import { startSshd } from "./sshd.ts";

const NODE = "127.0.0.1:4001";
const JOIN = ["--no-discovery", "-b", NODE];
const SSH_PORT = 2222;
const DNS_PORT = 5300;
const WEB_PORT = 8080;
const WEB = `
  Deno.serve({ hostname: "127.0.0.1", port: ${WEB_PORT} },
    (request) => new Response("at " + new URL(request.url).pathname));
`;

/** What a program inside says, and its exit code. */
async function inside(
  lab: Lab,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; said: string; complaint: string }> {
  const words = lab.namespace.inside(...command);
  const { code, stdout, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout), complaint: decoder.decode(stderr) };
}

labTest("curl through -L and -D, dig through --udp", async (lab) => {
  await lab.dhtnode(4001);
  const web = lab.background(Deno.execPath(), "eval", WEB);
  await web.shows(/Listening/);
  const dns = lab.background(
    ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"],
    ...["--user=root", "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces"],
    ...["--log-facility=-", `--port=${DNS_PORT}`, "--address=/dht.example/192.0.2.7"],
    ...[`--txt-record=long.example,${"x".repeat(250)},${"y".repeat(250)}`],
  );
  await dns.shows(/started/);
  const server = await lab.dnc([
    ...["-l", "--allow", `127.0.0.1:${WEB_PORT}`, "--allow", `udp:127.0.0.1:${DNS_PORT}`],
    ...JOIN,
  ]);
  const id = await server.listening();
  const client = await lab.dnc([
    id,
    ...["-L", `8081:127.0.0.1:${WEB_PORT}`, "-D", "1080"],
    ...JOIN,
  ]);
  await client.shows(/SOCKS5/);
  const curl = async (...args: string[]) => await inside(lab, ["curl", "-sS", ...args]);
  assert.equal((await curl("http://127.0.0.1:8081/L")).said, "at /L");
  const socks = ["--socks5-hostname", "127.0.0.1:1080"];
  assert.equal((await curl(...socks, `http://127.0.0.1:${WEB_PORT}/D`)).said, "at /D");
  // 97: the proxy said no; its number is in the message.
  const refused = await curl(...socks, `http://127.0.0.1:${SSH_PORT}/`);
  assert.equal(refused.code, 97);
  assert.match(refused.complaint, /\(2\)/);

  const datagrams = await lab.dnc([
    ...[id, "--udp", "-L", `5353:127.0.0.1:${DNS_PORT}`],
    ...JOIN,
  ]);
  await datagrams.shows(/leads to udp:/);
  const dig = async (name: string, type: string) => {
    const options = ["@127.0.0.1", "-p", "5353", "+short", "+tries=1", "+ignore", "+bufsize=4096"];
    const { said } = await inside(lab, ["dig", ...options, name, type]);
    return said.trim();
  };
  assert.equal(await dig("dht.example", "A"), "192.0.2.7");
  assert.equal((await dig("long.example", "TXT")).length, 505);
  const many = await Promise.all(Array.from({ length: 20 }, () => dig("dht.example", "A")));
  assert.deepEqual(many, Array(20).fill("192.0.2.7"));

  for (const one of [client, datagrams, server]) one.kill("SIGTERM");
  assert.deepEqual((await client.exit()).code, 143);
  await Promise.all([datagrams.exit(), server.exit()]);
  await lab.nothingLeft();
}, 60_000);

labTest("200 ssh through the control socket, 20 at a time, by name", async (lab) => {
  await lab.dhtnode(4001);
  const ssh = await startSshd(lab, SSH_PORT);
  const server = await lab.dnc(["-l", "--allow", `127.0.0.1:${SSH_PORT}`, ...JOIN]);
  const id = await server.listening();
  const env = await lab.dncEnvironment();
  await Deno.mkdir(env.DHTNET_CONFIG_DIR!, { mode: 0o700 });
  await Deno.writeTextFile(`${env.DHTNET_CONFIG_DIR}/peers.yaml`, `home: ${id}\n`);
  const control = ["--control", "auto", "--control-persist", "2s"];
  const dnc = (...more: string[]) => {
    const words = lab.dncCommand("%h", "-P", String(SSH_PORT), ...JOIN, ...more);
    return shellLine(words).replace("'%h'", "%h");
  };
  const login = async (proxy: string) => {
    const begin = performance.now();
    const words = [...ssh, "-o", `ProxyCommand=${proxy}`, "root@dnc/home", "true"];
    const { code, stderr } = await new Deno.Command(words[0]!, {
      args: words.slice(1),
      env,
      clearEnv: true,
      stdin: "null",
    }).output();
    const ms = performance.now() - begin;
    return { code, said: new TextDecoder().decode(stderr), ms };
  };
  const alone = await login(dnc());
  assert.equal(alone.code, 0, alone.said);

  const begin = performance.now();
  const shared = dnc(...control);
  const failures: string[] = [];
  let left = 200;
  await Promise.all(Array.from({ length: 20 }, async () => {
    while (left-- > 0) {
      const { code, said } = await login(shared);
      if (code !== 0 || /dnc|ssh/.test(said)) failures.push(`${code}: ${said}`);
    }
  }));
  const seconds = (performance.now() - begin) / 1000;
  assert.deepEqual(failures, []);
  const one = await login(shared);
  assert.equal(one.code, 0, one.said);
  console.log(
    `200 ssh through the control socket in ${seconds.toFixed(1)} s; ` +
      `one of them ${one.ms.toFixed(0)} ms, one without ${alone.ms.toFixed(0)} ms`,
  );

  // What keeps the session goes by itself.
  server.kill("SIGTERM");
  await server.exit();
  const directory = `${env.DHTNET_CONFIG_DIR}/control`;
  await eventually("the master has gone", () => {
    const files = [...Deno.readDirSync(directory)].map(({ name }) => name);
    return files.every((name) => name.endsWith(".lock"));
  });
  await Deno.remove(directory, { recursive: true });
  await Deno.remove(`${env.DHTNET_CONFIG_DIR}/peers.yaml`);
  await lab.nothingLeft();
}, 240_000);
