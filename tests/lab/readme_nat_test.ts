/** What README types behind NATs: the relay, and the mesh. */
import { type Background, eventually, run } from "./command.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { Site } from "./nat/site.ts";
import { readmeLine } from "./readme_commands.ts";
import { putTools } from "./tool_commands.ts";

/** A shell at a site, whose tools find the DHT of the lab, and no other. */
class Shell {
  private constructor(readonly site: Site, private readonly words: readonly string[]) {}

  static async at(lab: NatLab, name: string): Promise<Shell> {
    const site = lab.site(name);
    const tools = `${site.directory}/bin`;
    await putTools(tools);
    const { PATH, ...env } = await site.environment();
    const network = { DHTNET_BOOTSTRAP: lab.bootstrap, DHTNET_DISCOVERY: "false" };
    const variables = Object.entries({ ...env, ...network, PATH: `${tools}:${PATH}` });
    const words = variables.map(([variable, value]) => `${variable}=${value}`);
    return new Shell(site, ["env", "-i", ...words, "bash", "-c"]);
  }

  /** Runs a line to its end. */
  runs(line: string): Promise<string> {
    return run(...this.site.inside(...this.words, line));
  }

  /** Starts a line that goes on. */
  starts(line: string): Background {
    return this.site.background(...this.words, line);
  }
}

natLabTest("README: a relay between two strict NATs", {
  sites: [{ name: "server", nat: "strict" }, { name: "client", nat: "strict" }],
  wan: { turn: true },
}, async (lab) => {
  const { host, port, user, password } = lab.turn;
  const here = (line: string) =>
    line.replaceAll(/(stun|relay)\.example\.org/g, `${host}:${port}`)
      .replace("alice", user).replace("…", `'${password}'`);
  const account = await readmeLine("export DHTNET_TURN_PASS=…");
  const listen = await readmeLine("dnc -l --stun stun.example.org -t relay.example.org -u alice");
  const server = (await Shell.at(lab, "server")).starts(`${here(account)}\n${here(listen)}`);
  const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const client = (await Shell.at(lab, "client")).starts(`dnc ${id} --stun ${host}:${port} -v`);
  await client.type("hello");
  await server.shows(/^hello$/m);
  await client.shows(/relayed/);
}, { timeoutMs: 60_000 });

natLabTest("README: a mesh of three", {
  sites: ["a", "b", "c"].map((name) => ({ name, nat: "moderate" as const })),
  wan: { turn: true },
}, async (lab) => {
  const [a, b, c] = [
    await Shell.at(lab, "a"),
    await Shell.at(lab, "b"),
    await Shell.at(lab, "c"),
  ];
  const ids: Record<string, string> = {};
  for (const [name, shell] of Object.entries({ A: a, B: b, C: c })) {
    ids[name] = (await shell.runs("dvpn --id")).trim();
  }
  const typed = (line: string) => line.replaceAll(/ID-OF-([ABC])/g, (_all, name) => ids[name]!);
  const ofA = typed(await readmeLine("dvpn --mesh --member ID-OF-B --member ID-OF-C"));
  const ofB = typed(await readmeLine("dvpn --mesh --member ID-OF-A --member ID-OF-C"));
  a.starts(ofA);
  b.starts(ofB);
  // "And c likewise; naming oneself does no harm".
  c.starts(`${ofB} --member ${ids.B}`);

  const said = await c.runs(typed(await readmeLine("dvpn --address ID-OF-B --member ID-OF-B")));
  const address = /fd[0-9a-f:]+/.exec(said)![0];
  for (const { site } of [a, c]) {
    const ping = site.inside("ping", "-c", "1", "-W", "2", address);
    const answers = () => run(...ping).then(() => true, () => false);
    await eventually(`${site.name} reaches b at ${address}`, answers, 40_000);
  }
}, { timeoutMs: 90_000 });
