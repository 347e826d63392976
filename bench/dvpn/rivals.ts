import { Background, eventually, run } from "../../tests/lab/command.ts";
import type { DvpnLab } from "../../tests/lab/dvpn_lab.ts";

/** A VPN between the two machines of a lab. */
export interface Tunnel {
  readonly name: string;
  /** The server's addresses in it, as the client reaches them. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Its processes. */
  readonly processes: readonly Background[];
}

const PORT = 51820;
/** As wg-quick sets it for a path of 1,500 bytes. */
const WIREGUARD_MTU = "1420";
const WIREGUARD = { server: "10.90.0.1", client: "10.90.0.2" };
const WIREGUARD6 = { server: "fd90::1", client: "fd90::2" };

/** wireguard-go with wireguard-tools, as Debian has them. */
export async function wireguardGo(lab: DvpnLab): Promise<Tunnel> {
  const sides = { server: lab.serverHost, client: lab.clientHost };
  const keys: Record<string, { file: string; publicKey: string }> = {};
  for (const side of ["server", "client"]) {
    const file = `${lab.directory}/wireguard-${side}`;
    await Deno.writeTextFile(file, await run("wg", "genkey"), { mode: 0o600 });
    const publicKey = (await run("sh", "-c", `wg pubkey < ${file}`)).trim();
    keys[side] = { file, publicKey };
  }
  const processes: Background[] = [];
  for (const [side, peer] of [["server", "client"], ["client", "server"]] as const) {
    const host = sides[side];
    const device = `wg-${side}`;
    const daemon = host.inside("wireguard-go", "-f", device);
    processes.push(
      new Background(daemon, { env: { WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: "1" } }),
    );
    await eventually(`${device} is there`, async () => {
      return (await run(...host.inside("wg", "show", "interfaces"))).includes(device);
    });
    await run(
      ...host.inside("wg", "set", device, "private-key", keys[side]!.file),
      ...["listen-port", String(PORT), "peer", keys[peer]!.publicKey],
      ...["allowed-ips", `${WIREGUARD[peer]}/32,${WIREGUARD6[peer]}/128`],
      ...side === "client" ? ["endpoint", `${lab.outside.server}:${PORT}`] : [],
    );
    const ip = (...words: string[]) => run("ip", "-n", host.name, ...words);
    await ip("address", "add", `${WIREGUARD[side]}/24`, "dev", device);
    await ip("address", "add", `${WIREGUARD6[side]}/64`, "dev", device, "nodad");
    await ip("link", "set", device, "mtu", WIREGUARD_MTU, "up");
  }
  return { name: "wireguard-go", ipv4: WIREGUARD.server, ipv6: WIREGUARD6.server, processes };
}

const YGGDRASIL_PORT = 9001;

/** yggdrasil over TLS, as Debian has it. It has IPv6 only, and an MTU of 65,535. */
export async function yggdrasil(lab: DvpnLab): Promise<Tunnel> {
  const processes: Background[] = [];
  let server = "";
  for (const side of ["server", "client"] as const) {
    const host = side === "server" ? lab.serverHost : lab.clientHost;
    const address = `tls://${lab.outside.server}:${YGGDRASIL_PORT}`;
    const configuration = {
      ...JSON.parse(await run("yggdrasil", "-genconf", "-json")),
      Listen: side === "server" ? [address] : [],
      Peers: side === "client" ? [address] : [],
      MulticastInterfaces: [],
      AdminListen: "none",
      IfName: "ygg0",
    };
    const file = `${lab.directory}/yggdrasil-${side}.json`;
    await Deno.writeTextFile(file, JSON.stringify(configuration), { mode: 0o600 });
    if (side === "server") {
      server = (await run("yggdrasil", "-useconffile", file, "-address")).trim();
    }
    processes.push(new Background(host.inside("yggdrasil", "-useconffile", file)));
  }
  const answers = async () => {
    const ping = ["ping", "-c", "1", "-W", "1", server];
    return await run(...lab.clientHost.inside(...ping)).then(() => true, () => false);
  };
  await eventually("yggdrasil carries packets", answers, 90_000);
  return { name: "yggdrasil", ipv6: server, processes };
}

/** Ours. */
export async function dvpn(lab: DvpnLab, ...options: string[]): Promise<Tunnel> {
  // Not through the other tunnels.
  const all = ["--interface", "cable", ...options];
  const { server, client } = await lab.connect({ server: all, client: all });
  const { ipv4, ipv6 } = await lab.addresses("server");
  const name = ["dvpn", ...options].join(" ");
  return { name, ipv4, ipv6, processes: [server, client] };
}
