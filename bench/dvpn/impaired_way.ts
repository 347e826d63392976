import { fileURLToPath } from "node:url";
import { Background, run } from "../../tests/lab/command.ts";
import { DvpnLab } from "../../tests/lab/dvpn_lab.ts";
import { NetworkNamespace } from "../../tests/lab/namespace.ts";

const RELAY = fileURLToPath(new URL("../../tests/lab/nat/impaired_link.ts", import.meta.url));
const DEVICE = "impaired";
const TABLE = "100";

/**
 * Puts a long and lossy way between the two machines of a lab, in place of the cable: packets between
 * them pass a relay in user space, since not every kernel has netem.
 *
 * @param delayMs one way
 * @param lossPercent one way
 */
export class ImpairedWay implements AsyncDisposable {
  readonly #core: NetworkNamespace;
  readonly #relay: Background;

  private constructor(core: NetworkNamespace, relay: Background) {
    this.#core = core;
    this.#relay = relay;
  }

  static async create(lab: DvpnLab, delayMs: number, lossPercent: number): Promise<ImpairedWay> {
    const core = await NetworkNamespace.create("way");
    const deno = [Deno.execPath(), "run", "-A", "--no-config", RELAY, DEVICE];
    const relay = new Background(core.inside(...deno, String(delayMs), String(lossPercent)));
    await relay.shows(/ready/);
    const ip = (host: NetworkNamespace, ...words: string[]) => run("ip", "-n", host.name, ...words);
    const { server, client } = lab.outside;
    await ip(lab.serverHost, "link", "delete", "cable");
    for (const switching of ["all.forwarding=1", "all.rp_filter=0", "default.rp_filter=0"]) {
      await run(...core.inside("sysctl", "-qw", `net.ipv4.conf.${switching}`));
    }
    await ip(core, "link", "set", DEVICE, "up");
    await ip(core, "route", "add", "default", "dev", DEVICE, "table", TABLE);
    const ends = [[lab.serverHost, server, client, "left"], [
      lab.clientHost,
      client,
      server,
      "right",
    ]] as const;
    for (const [host, address, peer, port] of ends) {
      await ip(host, ..."link add cable type veth peer name".split(" "), port, "netns", core.name);
      await ip(core, "link", "set", port, "up");
      await ip(host, "address", "add", `${address}/32`, "dev", "cable");
      await ip(host, "link", "set", "cable", "up");
      await ip(host, "route", "add", `${peer}/32`, "dev", "cable");
      await run(...core.inside("sysctl", "-qw", `net.ipv4.conf.${port}.proxy_arp=1`));
      await ip(core, "route", "add", `${address}/32`, "dev", port);
      await ip(core, "rule", "add", "iif", port, "to", `${peer}/32`, "table", TABLE, "pref", "10");
    }
    return new ImpairedWay(core, relay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    await this.#core[Symbol.asyncDispose]();
  }
}
