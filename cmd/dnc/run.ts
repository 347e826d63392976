// Not lazily: one graph of modules loads 23 ms faster than two (95 ms against 72).
import { Endpoint } from "../../mod.ts";
import { configureLogging } from "../tool/logging.ts";
import { configDirectory } from "../tool/config_directory.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { isInterruption, watchInterruption } from "../tool/interruption.ts";
import type { OptionValues } from "../tool/option.ts";
import { writeOutput } from "../tool/output.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { connect } from "./connect.ts";
import { explainFailure } from "./failure.ts";
import { listen } from "./listen.ts";
import { bootstrapNodes, checkInterfaces } from "./network.ts";
import type { DncOptions } from "./options.ts";
import { ownIdentity } from "./own_identity.ts";
import { peerCommand } from "./peer_command.ts";
import type { PeerEndpoint } from "./peer_channel.ts";
import { createReport, type Report } from "./report.ts";
import { serve } from "./serve.ts";
import { STANDARD_STREAMS } from "./standard_streams.ts";
import { type Task, taskOf } from "./task.ts";
import { TURN_PASS_VARIABLE, turnServers } from "./turn_account.ts";

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;
/** Longest wait for an orderly end of all sessions, ms. */
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * Does what a command line of `dnc` asks for.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} for every failure that is foreseen
 */
export async function runDnc(command: CommandLine<DncOptions>, entry: string): Promise<number> {
  const { values } = command;
  const task = taskOf(command);
  checkInterfaces(values.interface);
  if (task.kind === "show-id") {
    writeOutput(`${(await ownIdentity(values)).id}\n`);
    return ExitCode.ok;
  }
  const signal = watchInterruption("dnc");
  const endpoint = await startEndpoint(values);
  try {
    return await perform(task, endpoint, values, signal, entry);
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  } finally {
    // A failure here must not hide the one that led here; the process ends in any case.
    await waitAtMost(endpoint.close(), CLOSE_TIMEOUT_MS).catch(() => {});
  }
}

async function startEndpoint(values: OptionValues<DncOptions>): Promise<PeerEndpoint> {
  if (values.verbose > 0) await configureLogging(values.verbose);
  const turn = await turnServers(values);
  const identity = await ownIdentity(values);
  const restricted = values.interface.length > 0 || values.bootstrap.length > 0;
  try {
    return await Endpoint.start({
      identity,
      bootstrap: bootstrapNodes(values.bootstrap, values.interface),
      discovery: !values["no-discovery"],
      transport: values.transport ?? "auto",
      stun: values.stun,
      turn,
      relayOnly: values["relay-only"],
      portMapping: !values["no-upnp"],
      ...(values.interface.length > 0 ? { interfaces: values.interface } : {}),
      // Nodes of a private network are of no use in the public one, nor the other way round.
      ...(restricted ? {} : { stateFile: `${configDirectory()}/nodes` }),
    });
  } catch (error) {
    throw explainFailure(error);
  }
}

async function perform(
  task: Exclude<Task, { kind: "show-id" }>,
  endpoint: PeerEndpoint,
  values: OptionValues<DncOptions>,
  signal: AbortSignal,
  entry: string,
): Promise<number> {
  const report = createReport(values);
  if (values.turn_pass !== undefined) {
    report.notice(
      "warning: others on this machine can see the password after -w in the process list; " +
        `set ${TURN_PASS_VARIABLE}, or give --turn-pass-file FILE, instead`,
    );
  }
  const common = { signal, report, streams: STANDARD_STREAMS };
  switch (task.kind) {
    case "connect":
      return await connect(endpoint, {
        ...common,
        id: task.id,
        target: task.target,
        timeoutMs: values.timeout,
      });
    case "listen":
    case "serve": {
      const targets = task.kind === "serve" ? task.targets : [undefined];
      // Taken before peers can find us, so that none is turned away.
      const incoming = endpoint.incoming();
      const commands = targets.map((target) => peerCommand(endpoint.id, values, target, entry));
      await invite(endpoint, report, signal, commands);
      if (values.turn_user !== undefined) {
        report.notice(`there, ${TURN_PASS_VARIABLE} must hold the password of ${values.turn_user}`);
      }
      return task.kind === "serve"
        ? await serve(incoming, { ...common, targets: task.targets })
        : await listen(endpoint, incoming, common);
    }
  }
}

/** Becomes reachable, and tells the user how. */
async function invite(
  endpoint: PeerEndpoint,
  report: Report,
  signal: AbortSignal,
  commands: readonly string[],
): Promise<void> {
  await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
  report.notice(`listening, id ${endpoint.id}`);
  report.notice(`on the other side run:\n  ${commands.join("\n  ")}`);
}
