import { libcryptoAead } from "../../lib/net/libcrypto_aead.ts";
import { NetError } from "../../lib/net/net_error.ts";
import { useRecordAead } from "../../lib/session/mod.ts";
import { TunDevice } from "../../lib/net/tun/tun_device.ts";
import { checkInterfaces } from "../peer/network.ts";
import { observeAttempts } from "../peer/attempt_observer.ts";
import { networkOptions } from "../peer/network_options.ts";
import { ownIdentity } from "../peer/own_identity.ts";
import type { PeerEndpoint } from "../peer/peer_channel.ts";
import type { Doorkeeper } from "../peer/doorkeeper.ts";
import { reloadAtHangup } from "../peer/reload.ts";
import { createReport, type Report } from "../peer/report.ts";
import { serveStatus } from "../peer/status_socket.ts";
import { withEndpoint } from "../peer/with_endpoint.ts";
import type { Command } from "../tool/configuration.ts";
import { configDirectory } from "../tool/config_directory.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { isInterruption, watchInterruption } from "../tool/interruption.ts";
import { invocation, shellLine } from "../tool/invocation.ts";
import { configureLogging } from "../tool/logging.ts";
import type { OptionValues } from "../tool/option.ts";
import type { Identity } from "../../lib/identity/mod.ts";
import { writeOutput } from "../tool/output.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { rehearsePackets } from "./data/rehearsal.ts";
import { readAddressBook, writeAddressBook } from "./address/address_book.ts";
import { AddressPool, SERVER_HOST } from "./address/address_pool.ts";
import { hostAddress } from "./address/address_range.ts";
import { hostFamilies } from "./address/host_families.ts";
import { refuseTakenNetwork } from "./address/taken_network.ts";
import { VpnClient } from "./client.ts";
import { DirectPaths } from "./direct/direct_paths.ts";
import type { DvpnOptions } from "./options.ts";
import type { NetworkPlan } from "./plan/network_plan.ts";
import { showPlan } from "./plan/show_plan.ts";
import { checkRoutes, clientRoutes, serverNames } from "./route/client_routes.ts";
import { killSwitch } from "./route/kill_switch.ts";
import { Tunnel } from "./route/tunnel.ts";
import type { DvpnFileSettings } from "./rules/rule.ts";
import { RuleBook } from "./rules/rule_book.ts";
import { VpnServer } from "./server.ts";
import { addressPlan, vpnSettings } from "./settings.ts";
import { statusReport, type VpnStatus } from "./status.ts";
import { reloadingOf, type RuledSide, trusting } from "./reload.ts";
import { type Task, taskOf } from "./task.ts";
import { ThisHost } from "./undo/this_host.ts";
import { checkUpScript } from "./up_script.ts";
import type { VpnConfiguration } from "./vpn_configuration.ts";
import type { NamedDevice, VpnContext } from "./vpn_context.ts";

/** A command line of `dvpn`. */
export type DvpnCommand = Command<DvpnOptions, DvpnFileSettings>;

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;

/**
 * Does what a command line of `dvpn` asks for.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} for every failure that is foreseen
 */
export async function runDvpn(command: DvpnCommand, entry: string): Promise<number> {
  const { values } = command;
  const task = taskOf(command);
  checkInterfaces(values.interface);
  if (task.kind === "show-id") {
    writeOutput(`${(await ownIdentity(values)).id}\n`);
    return ExitCode.ok;
  }
  if (task.kind === "show-address") {
    const { showAddresses } = await import("./mesh/show_addresses.ts");
    return await showAddresses(values, task.id);
  }
  if (task.kind === "clean-up") {
    const { count, failed } = await new ThisHost().undoLeft();
    if (failed.length > 0) throw new ToolError(ExitCode.failure, notUndone(failed));
    writeOutput(count > 0 ? "undone\n" : "nothing to undo\n");
    return ExitCode.ok;
  }
  if (task.kind === "status") {
    const { showStatus } = await import("./control/show_status.ts");
    return await showStatus(values.device, task.json);
  }
  checkRoutes(task.kind, values);
  if (values.verbose > 0) await configureLogging(values.verbose);
  const report = createReport("dvpn", values);
  const network = await networkOptions(values);
  // Datagrams are QUIC's.
  const transport = values.carry === "datagram" ? "quic" : network.transport ?? "auto";
  // Who serves with a configuration file reads it again at SIGHUP.
  const rereads = task.kind !== "connect" && command.file !== undefined;
  const signal = watchInterruption("dvpn", { hangUp: !rereads });
  const identity = await ownIdentity(values);
  const file = values.vpn_configuration === undefined
    ? {}
    : await readConfiguration(values.vpn_configuration);
  const settings = vpnSettings(values, file);
  if (settings.script !== undefined) await checkUpScript(settings.script);
  const rules = await RuleBook.open(command.settings.rules);
  const observer = await observeAttempts("dvpn", values);
  quickenCryptography();
  // The interface comes first: without the right to make it, nobody needs to be called.
  using device = values["dry-run"] ? undefined : openDevice(settings.device);
  using directPaths = device === undefined || transport === "tcp" ? undefined : new DirectPaths();
  const host = new ThisHost();
  const families = hostFamilies(device?.name);
  if (!families.includes(6)) {
    report.notice("IPv6 is switched off on this host, so that of the VPN is left out", {
      level: "warning",
    });
  }
  let undoKept: (() => Promise<void>) | undefined;
  try {
    undoKept = device && await undoLeft(host, device.name, values["kill-switch"], report);
    const doorkeeper = task.kind === "connect"
      ? undefined
      : await openDoorkeeper(command, identity, report);
    const role = doorkeeper === undefined ? {} : { authorize: doorkeeper.authorize };
    return await withEndpoint(
      { ...network, ...role, transport, identity, observer },
      (endpoint) =>
        perform(
          task,
          {
            device: device ?? noDevice(settings.device),
            endpoint,
            settings,
            families,
            directPaths,
            host,
            report,
            rules,
            signal,
          },
          {
            command,
            file,
            entry,
            doorkeeper,
            rereads,
            relays: network.turn?.map(({ host }) => host) ?? [],
            isArmed: undoKept !== undefined,
          },
        ),
    );
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    // The interface is gone, or a file cannot be used: the message says it all.
    if (error instanceof NetError) {
      throw new ToolError(ExitCode.failure, error.message, { cause: error });
    }
    throw error;
  } finally {
    await undoKept?.();
  }
}

async function perform(
  task: Exclude<Task, { kind: "show-id" | "show-address" | "status" | "clean-up" }>,
  context: VpnContext,
  { command, file, entry, doorkeeper, rereads, relays, isArmed }: Performance,
): Promise<number> {
  const { values } = command;
  const { endpoint, signal, report, rules } = context;
  context.directPaths?.follow(() => endpoint.status().sessions);
  const guarded = (side: RuledSide) => {
    if (doorkeeper === undefined) return;
    doorkeeper.watch(endpoint, signal).catch(() => {});
    if (!rereads) return;
    reloadAtHangup(
      reloadingOf(command, { endpoint, doorkeeper, rules, side, report }),
      signal,
    );
  };
  if (task.kind === "connect") {
    const tunnel = clientTunnel(context, task.id, values, relays);
    const client = new VpnClient(context, task.id, tunnel, values.timeout);
    if (values["dry-run"]) return show(await client.plan());
    try {
      if (isArmed) await tunnel.arm();
      return await withStatus(context, client, () => client.run());
    } finally {
      // The client ends it, too, but what comes before that can fail.
      await tunnel.end();
    }
  }
  if (task.kind === "mesh") {
    const { createMesh } = await import("./mesh/create_mesh.ts");
    const mesh = createMesh(context, values, doorkeeper?.authorize);
    if (values["dry-run"]) return show(mesh.plan());
    const incoming = endpoint.incoming();
    guarded(mesh);
    await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
    report.notice(`member ${endpoint.id}: ${mesh.status().addresses.join(" and ")}`);
    if (context.directPaths !== undefined) void rehearsePackets(signal);
    return await withStatus(context, mesh, () => mesh.run(incoming));
  }
  const plan = addressPlan(values, file, endpoint.id, context.families);
  refuseTakenNetwork([...plan.own, ...plan.peers]);
  const book = `${configDirectory()}/dvpn-addresses.json`;
  const pool = new AddressPool(plan.peers, await readAddressBook(book));
  const own = plan.own.map((range) => hostAddress(range, SERVER_HOST));
  const server = new VpnServer(context, own, pool, () => {
    writeAddressBook(book, pool.assignments).catch((error) => report.notice(`warning: ${error}`));
  }, {
    clientToClient: values["client-to-client"],
    nat: values.nat,
    lanAccess: values["lan-access"],
    names: serverNames(values),
  });
  if (values["dry-run"]) return show(await server.plan());
  // Taken before peers can find us, so that none is turned away.
  const incoming = endpoint.incoming();
  guarded(server);
  await invite(endpoint, values, report, signal, entry);
  if (context.directPaths !== undefined) void rehearsePackets(signal);
  return await withStatus(context, server, () => server.serve(incoming));
}

/** What leads a client's traffic through the VPN. */
function clientTunnel(
  { device, endpoint, host, report }: VpnContext,
  serverId: string,
  values: OptionValues<DvpnOptions>,
  relays: readonly string[],
): Tunnel {
  return new Tunnel({
    device: device.name,
    wish: clientRoutes(values),
    relays,
    host,
    report,
    dhtPort: () => endpoint.status().dht.port,
    hasPath: () =>
      endpoint.status().sessions.some(({ peer, path }) =>
        peer.id === serverId && path !== undefined
      ),
  });
}

/** Tidies up after one that was killed; a kill switch stays if it is wanted again. */
async function undoLeft(
  host: ThisHost,
  device: string,
  keepsKillSwitch: boolean,
  report: Report,
): Promise<(() => Promise<void>) | undefined> {
  const keep = keepsKillSwitch ? killSwitch(device, Deno.uid() ?? 0).undo : undefined;
  const { count, failed, undoKept } = await host.undoLeft(keep);
  if (failed.length > 0) report.notice(`warning: ${notUndone(failed)}`);
  else if (count > 0) report.notice("what a dvpn that was killed had left is undone");
  return undoKept;
}

/** It is tried again at the next start, or by `--cleanup`. */
function notUndone(failed: readonly string[]): string {
  return ["not undone, of what a dvpn that was killed had left:", ...failed].join("\n  ");
}

/** Works, and tells whoever asks by `--status`. */
async function withStatus(
  { device, endpoint }: VpnContext,
  side: { status(): VpnStatus },
  work: () => Promise<never>,
): Promise<never> {
  using _ = await serveStatus("dvpn", device.name, () => statusReport(side.status(), endpoint));
  return await work();
}

function show(plan: NetworkPlan): number {
  writeOutput(showPlan(plan));
  return ExitCode.ok;
}

/** What a command line says, for the work itself. */
interface Performance {
  readonly command: DvpnCommand;
  readonly file: VpnConfiguration;
  readonly entry: string;
  /** Names or addresses of relays. */
  readonly relays: readonly string[];
  /** Whether there is a kill switch already, which one that was killed has thrown. */
  readonly isArmed: boolean;
  /** Decides who is let in; undefined for a client, which nobody calls. */
  readonly doorkeeper: Doorkeeper | undefined;
  /** Whether the configuration is read again at SIGHUP. */
  readonly rereads: boolean;
}

/** Becomes reachable, and tells the user how. */
async function invite(
  endpoint: PeerEndpoint,
  values: OptionValues<DvpnOptions>,
  report: Report,
  signal: AbortSignal,
  entry: string,
): Promise<void> {
  await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
  report.notice(`listening, id ${endpoint.id}`);
  const bootstrap = values.bootstrap.flatMap((address) => ["-b", address]);
  const words = [...invocation("dvpn", entry), endpoint.id, ...bootstrap];
  report.notice(`on the other side run:\n  ${shellLine(words)}`);
}

/** Interfaces need the right to call libraries anyway, and the system's cipher is the faster one. */
function quickenCryptography(): void {
  const aead = libcryptoAead();
  if (aead !== undefined) useRecordAead(aead);
}

async function readConfiguration(path: string): Promise<VpnConfiguration> {
  const { readVpnConfiguration } = await import("./vpn_configuration.ts");
  return await readVpnConfiguration(path);
}

/** Stands for the interface where nothing is to be changed. */
function noDevice(name: string): NamedDevice {
  return {
    name: name.replace("%d", "0"),
    segmentsUdp: false,
    read: () => 0,
    write: () => false,
    readable: () => new Promise(() => {}),
  };
}

/** Who is in a network reaches what is in it, so strangers are let in only where that is said. */
async function openDoorkeeper(
  command: DvpnCommand,
  identity: Identity,
  report: Report,
): Promise<Doorkeeper> {
  const { Doorkeeper } = await import("../peer/doorkeeper.ts");
  return await Doorkeeper.open(trusting(command), { identity, anonymous: false }, report);
}

function openDevice(name: string): TunDevice {
  try {
    return TunDevice.open({ name });
  } catch (cause) {
    if (!(cause instanceof NetError)) throw cause;
    throw new ToolError(ExitCode.failure, cause.message, { cause });
  }
}
