import type { Endpoint } from "../../mod.ts";
import { TerminalInput, TerminalOutput } from "../../lib/net/own_terminal.ts";
import { checkInterfaces } from "../peer/network.ts";
import { observeAttempts } from "../peer/attempt_observer.ts";
import { networkOptions } from "../peer/network_options.ts";
import { ownIdentity } from "../peer/own_identity.ts";
import { createReport, type Report } from "../peer/report.ts";
import { TURN_PASS_VARIABLE } from "../peer/turn_account.ts";
import { withEndpoint } from "../peer/with_endpoint.ts";
import type { Command } from "../tool/configuration.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { isWritten } from "../tool/given.ts";
import { isInterruption, watchInterruption } from "../tool/interruption.ts";
import { configureLogging } from "../tool/logging.ts";
import { writeOutput } from "../tool/output.ts";
import { LocalTerminal } from "./client/local_terminal.ts";
import { ownFailure, runSession } from "./client/run_session.ts";
import { sessionRequest } from "./client/session_request_of.ts";
import { SessionSignals } from "./client/session_signals.ts";
import { terminalStreams } from "./client/session_streams.ts";
import { withKnownPeer } from "./known_peer.ts";
import type { DshOptions } from "./options.ts";
import { type Task, taskOf } from "./task.ts";

/** A whole command line of `dsh`. */
export type DshCommand = Command<DshOptions, Record<never, never>>;
type DshValues = DshCommand["values"];

/**
 * Does what a command line of `dsh` asks for.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} for every failure that is foreseen
 */
export async function runDsh(written: DshCommand, entry: string): Promise<number> {
  const command = await withKnownPeer(written);
  const { values } = command;
  const task = taskOf(command);
  checkInterfaces(values.interface);
  if (task.kind === "show-id") {
    writeOutput(`${(await ownIdentity(values)).id}\n`);
    return ExitCode.ok;
  }
  if (values.verbose > 0) await configureLogging(values.verbose, values["log-format"]);
  const report = createReport("dsh", { ...values, status: false });
  if (isWritten(command.given, "turn_pass")) {
    report.notice(
      "others on this machine can see the password after -w in the process list; " +
        `set ${TURN_PASS_VARIABLE}, or give --turn-pass-file FILE, instead`,
      { level: "warning" },
    );
  }
  switch (task.kind) {
    case "serve":
      return await serve(command, report, entry);
    case "transfer":
      return await copy(command.values, task, report);
    case "session":
      return await connect(command.values, task, report);
  }
}

async function serve(command: DshCommand, report: Report, entry: string): Promise<number> {
  const network = await networkOptions(command.values);
  const identity = await ownIdentity(command.values);
  // A server that was started by hand ends with its terminal.
  const signal = watchInterruption("dsh", { hangUp: command.file === undefined });
  // What only servers need is not loaded by clients.
  const { prepareServer } = await import("./listen_for_peers.ts");
  const audit = createReport("dsh", { ...command.values, status: false, quiet: false });
  const server = await prepareServer({ command, identity, signal, report, audit, entry });
  const { authorize } = server.doorkeeper;
  const observer = await observeAttempts("dsh", command.values);
  try {
    return await withEndpoint(
      { ...network, identity, authorize, observer },
      (endpoint) => server.serve(endpoint),
    );
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  }
}

async function connect(
  values: DshValues,
  task: Extract<Task, { kind: "session" }>,
  report: Report,
): Promise<number> {
  // As with ssh, an empty command is none.
  const command = task.command === "" ? undefined : task.command;
  using terminal = new LocalTerminal();
  using shown = TerminalOutput.open(1);
  using shownErrors = TerminalOutput.open(2);
  using signals = new SessionSignals(task.kept !== undefined);
  // A command whose output goes elsewhere must not have its line ends changed by a terminal.
  const isAtTerminal = task.terminal ??
    (Deno.stdin.isTerminal() && (command === undefined || Deno.stdout.isTerminal()));
  using typed = isAtTerminal ? TerminalInput.open(0) : undefined;
  const request = sessionRequest({
    command,
    binary: values.binary,
    kept: task.kept,
    size: isAtTerminal ? terminal.size : undefined,
    variables: values.env,
  }, Deno.env.toObject());
  return await withClient(
    values,
    signals,
    (endpoint) =>
      runSession(endpoint, {
        ...{ id: task.id, request, signals, report, timeoutMs: values.timeout },
        terminal: isAtTerminal ? terminal : undefined,
        streams: terminalStreams(typed, shown, shownErrors),
      }),
  );
}

async function copy(
  values: DshValues,
  task: Extract<Task, { kind: "transfer" }>,
  report: Report,
): Promise<number> {
  using signals = new SessionSignals(false);
  // What only transfers need is not loaded by others.
  const { runTransfer } = await import("./transfer/client/run_transfer.ts");
  return await withClient(
    values,
    signals,
    (endpoint) =>
      runTransfer(endpoint, {
        ...task,
        ...{ signal: signals.signal, report, timeoutMs: values.timeout },
        showsProgress: Deno.stderr.isTerminal() && !values.quiet,
      }),
  );
}

/** Does a client's work; a signal that ended it gives the exit code. */
async function withClient(
  values: DshValues,
  { signal }: SessionSignals,
  work: (endpoint: Endpoint) => Promise<number>,
): Promise<number> {
  try {
    const network = await networkOptions(values);
    const identity = await ownIdentity(values);
    const observer = await observeAttempts("dsh", values);
    return await withEndpoint({ ...network, identity, observer }, work);
  } catch (error) {
    if (error === signal.reason) return (error as { exitCode: number }).exitCode;
    throw ownFailure(error);
  }
}
