import { NetError } from "../../lib/net/net_error.ts";
import { TunDevice } from "../../lib/net/tun/tun_device.ts";
import { checkInterfaces } from "../peer/network.ts";
import { networkOptions } from "../peer/network_options.ts";
import { ownIdentity } from "../peer/own_identity.ts";
import type { PeerEndpoint } from "../peer/peer_channel.ts";
import type { Doorkeeper } from "../peer/doorkeeper.ts";
import { createReport, type Report } from "../peer/report.ts";
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
import { readAddressBook, writeAddressBook } from "./address/address_book.ts";
import { AddressPool } from "./address/address_pool.ts";
import { VpnClient } from "./client.ts";
import { serveStatus } from "./control/status_socket.ts";
import type { DvpnOptions } from "./options.ts";
import { runCommand } from "./plan/run_command.ts";
import { VpnServer } from "./server.ts";
import { addressRanges, vpnSettings } from "./settings.ts";
import { statusReport } from "./status.ts";
import { type Task, taskOf } from "./task.ts";
import type { VpnContext } from "./vpn_context.ts";

/** A command line of `dvpn`. */
export type DvpnCommand = Command<DvpnOptions, Record<never, never>>;

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
  if (task.kind === "status") {
    const { showStatus } = await import("./control/show_status.ts");
    return await showStatus(values.device, task.json);
  }
  if (values.verbose > 0) await configureLogging(values.verbose);
  const report = createReport("dvpn", values);
  const network = await networkOptions(values);
  // Datagrams are QUIC's.
  const transport = values.carry === "datagram" ? "quic" : network.transport ?? "auto";
  const signal = watchInterruption("dvpn");
  const identity = await ownIdentity(values);
  const settings = vpnSettings(values);
  // The interface comes first: without the right to make it, nobody needs to be called.
  using device = openDevice(settings.device);
  try {
    const guard = task.kind === "serve"
      ? { authorize: (await guardedBy(command, identity, report)).authorize }
      : {};
    return await withEndpoint(
      { ...network, ...guard, transport, identity },
      (endpoint) =>
        perform(
          task,
          { device, endpoint, settings, run: runCommand, report, signal },
          values,
          entry,
        ),
    );
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  }
}

async function perform(
  task: Exclude<Task, { kind: "show-id" | "status" }>,
  context: VpnContext,
  values: OptionValues<DvpnOptions>,
  entry: string,
): Promise<never> {
  const { endpoint, signal, report } = context;
  if (task.kind === "connect") {
    const client = new VpnClient(context, task.id, values.timeout);
    using _status = await serveStatus(
      context.device.name,
      () => statusReport(client.status(), endpoint),
    );
    return await client.run();
  }
  const book = `${configDirectory()}/dvpn-addresses.json`;
  const pool = new AddressPool(addressRanges(values, endpoint.id), await readAddressBook(book));
  const server = new VpnServer(context, pool, () => {
    writeAddressBook(book, pool.assignments).catch((error) => report.notice(`warning: ${error}`));
  });
  using _status = await serveStatus(
    context.device.name,
    () => statusReport(server.status(), endpoint),
  );
  // Taken before peers can find us, so that none is turned away.
  const incoming = endpoint.incoming();
  await invite(endpoint, values, report, signal, entry);
  return await server.serve(incoming);
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

/** Who is in a network reaches what is in it, so strangers are let in only where that is said. */
async function guardedBy(
  command: DvpnCommand,
  identity: Identity,
  report: Report,
): Promise<Doorkeeper> {
  const { Doorkeeper } = await import("../peer/doorkeeper.ts");
  return await Doorkeeper.open(command, { identity, anonymous: false }, report);
}

function openDevice(name: string): TunDevice {
  try {
    return TunDevice.open({ name });
  } catch (cause) {
    if (!(cause instanceof NetError)) throw cause;
    throw new ToolError(ExitCode.failure, cause.message, { cause });
  }
}
