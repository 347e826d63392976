/** Members of a mesh, each behind a NAT of its own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  createAuthority,
  createDevice,
  type Identity,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { type Background, eventually, run } from "./command.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { Site } from "./nat/site.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DVPN = [
  Deno.execPath(),
  "run",
  "-A",
  "--unstable-net",
  "--cached-only",
  `${ROOT}cmd/dvpn.ts`,
];
const NAMES = ["a", "b", "c"] as const;
const PLAN = {
  sites: NAMES.map((name) => ({ name, nat: "moderate" as const })),
  wan: { turn: true },
};

/** A machine that takes part, with its id. */
class MeshMember {
  readonly #env: Record<string, string>;
  #process: Background | undefined;

  private constructor(readonly site: Site, readonly id: string, env: Record<string, string>) {
    this.#env = env;
  }

  /** A machine at a site, with a certificate of that CA if one is given. */
  static async create(site: Site, authority?: Identity): Promise<MeshMember> {
    const env = await site.environment();
    if (authority !== undefined) {
      const { chain, secretKey } = await createDevice(site.name, authority);
      const directory = env.DHTNET_CONFIG_DIR!;
      await Deno.mkdir(directory, { mode: 0o700 });
      await writeCertificateFile(`${directory}/certificate.crt`, chain);
      await writeKeyFile(`${directory}/certificate.pem`, secretKey);
    }
    const { stdout } = await new Deno.Command(DVPN[0]!, {
      args: [...DVPN.slice(1), "--id"],
      env,
    }).output();
    return new MeshMember(site, new TextDecoder().decode(stdout).trim(), env);
  }

  start(lab: NatLab, ...args: string[]): Background {
    const { host, port } = lab.turn;
    const network = ["-b", lab.bootstrap, "--stun", `${host}:${port}`, "--no-discovery"];
    const env = Object.entries(this.#env).map(([name, value]) => `${name}=${value}`);
    const command = [...DVPN, "--mesh", "-v", ...args, ...network];
    this.#process = this.site.background("env", ...env, ...command);
    return this.#process;
  }

  get process(): Background {
    return this.#process!;
  }

  // deno-lint-ignore no-explicit-any
  async status(): Promise<any> {
    const { stdout } = await new Deno.Command(DVPN[0]!, {
      args: [...DVPN.slice(1), "--status", "--json"],
      env: this.#env,
      stderr: "inherit",
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  /** What `dvpn --address` says of a member. */
  async addressesOf(id: string, ...args: string[]): Promise<string[]> {
    const { stdout } = await new Deno.Command(DVPN[0]!, {
      args: [...DVPN.slice(1), "--address", id, ...args],
      env: this.#env,
      stderr: "inherit",
    }).output();
    return new TextDecoder().decode(stdout).trim().split("\n");
  }

  async ping(address: string, ...options: string[]): Promise<string> {
    const command = ["ping", "-c", "3", "-i", "0.2", "-W", "5", ...options, address];
    return await run(...this.site.inside(...command));
  }
}

natLabTest(
  "dvpn mesh: three members behind three NATs, each reaches each directly",
  PLAN,
  async (lab) => {
    const members = await Promise.all(NAMES.map((name) => MeshMember.create(lab.site(name))));
    const list = members.flatMap(({ id }) => ["--member", id]);
    for (const member of members) member.start(lab, ...list);
    for (const member of members) {
      for (const { id } of members) {
        if (id !== member.id) await member.process.shows(new RegExp(`${id} is connected`));
      }
    }
    for (const from of members) {
      for (const { id } of members) {
        if (id === from.id) continue;
        const addresses = await from.addressesOf(id, ...list);
        assert.equal(addresses.length, 2);
        for (const address of addresses) await from.ping(address);
      }
      const { peers, role } = await from.status();
      assert.equal(role, "member");
      assert.equal(peers.length, 2);
      for (const peer of peers) {
        assert.equal(peer.path.relayed, false);
        assert.deepEqual(
          peer.drops,
          Object.fromEntries(Object.keys(peer.drops).map((reason) => [reason, 0])),
        );
      }
    }
  },
  { timeoutMs: 60_000 },
);

natLabTest(
  "dvpn mesh: devices of one CA that know one of them reach each other",
  PLAN,
  async (lab) => {
    const authority = await createAuthority("mesh");
    const create = (name: string) => MeshMember.create(lab.site(name), authority);
    const [known, one, other] = await Promise.all(NAMES.map(create)) as [
      MeshMember,
      MeshMember,
      MeshMember,
    ];
    known.start(lab);
    for (const member of [one, other]) {
      member.start(lab, "--member", known.id);
      await member.process.shows(new RegExp(`${known.id} is connected`));
    }
    const [address] = await other.addressesOf(one.id);
    const { peers } = await other.status();
    assert.deepEqual(peers.map(({ id }: { id: string }) => id), [known.id]);
    await eventually("it has heard of the other one", async () => {
      return await other.ping(address!).then(() => true, () => false);
    });
    // Whom one knows the others by is not in between.
    known.process.kill("SIGTERM");
    await known.process.status;
    await other.ping(address!);
    await one.ping((await one.addressesOf(other.id))[0]!);
  },
  { timeoutMs: 60_000 },
);

natLabTest("dvpn mesh: a stranger is let in by nobody", PLAN, async (lab) => {
  const [member, stranger] = await Promise.all([
    MeshMember.create(lab.site("a")),
    MeshMember.create(lab.site("b")),
  ]);
  member.start(lab);
  await member.process.shows(/member [0-9a-f]{64}/);
  stranger.start(lab, "--member", member.id);
  await member.process.shows(new RegExp(`refused ${stranger.id}`));
  await stranger.process.shows(/not signed by an authority that is trusted/);
  assert.deepEqual((await member.status()).peers, []);
});

natLabTest(
  "dvpn mesh: who is gone is unreachable at once, or in seconds; and comes back",
  PLAN,
  async (lab) => {
    const [stays, goes] = await Promise.all([
      MeshMember.create(lab.site("a")),
      MeshMember.create(lab.site("b")),
    ]);
    stays.start(lab, "--member", goes.id);
    const start = async () => {
      goes.start(lab, "--member", stays.id);
      await goes.process.shows(new RegExp(`${stays.id} is connected`), 40_000);
    };
    await start();
    const addresses = await stays.addressesOf(goes.id, "--member", goes.id);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      for (const address of addresses) await stays.ping(address);
      const { unreachable } = await stays.status();
      goes.process.kill(signal);
      await goes.process.status;
      for (const address of addresses) {
        await eventually(`${address} is unreachable`, async () => {
          const said = await run(
            ...stays.site.inside("sh", "-c", `ping -c 1 -W 1 ${address} || true`),
          );
          return /unreachable/i.test(said);
        }, signal === "SIGTERM" ? 3_000 : 12_000);
      }
      assert.ok((await stays.status()).unreachable > unreachable);
      await start();
    }
    for (const address of addresses) await stays.ping(address);
  },
  { timeoutMs: 120_000 },
);
