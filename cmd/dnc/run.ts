import { configureLogging } from "../tool/logging.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { isInterruption, watchInterruption } from "../tool/interruption.ts";
import type { OptionValues } from "../tool/option.ts";
import { writeOutput } from "../tool/output.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { connect } from "./connect.ts";
import { forward } from "./forward/forward.ts";
import { listen } from "./listen.ts";
import { checkNetwork } from "./netcheck.ts";
import { checkInterfaces } from "../peer/network.ts";
import { networkOptions } from "../peer/network_options.ts";
import type { DncOptions } from "./options.ts";
import { ownIdentity } from "../peer/own_identity.ts";
import { peerCommand } from "./peer_command.ts";
import type { PeerEndpoint } from "../peer/peer_channel.ts";
import { ping } from "./ping.ts";
import { withoutPings } from "./ping_service.ts";
import { createReport, type Report } from "../peer/report.ts";
import { withEndpoint } from "../peer/with_endpoint.ts";
import { serve } from "./serve.ts";
import type { ChannelPurpose } from "./service_name.ts";
import { STANDARD_STREAMS } from "../peer/standard_streams.ts";
import { type Task, taskOf } from "./task.ts";
import { TURN_PASS_VARIABLE } from "../peer/turn_account.ts";

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;

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
  if (values.verbose > 0) await configureLogging(values.verbose);
  const report = createReport("dnc", values);
  const network = await networkOptions(values);
  if (values.turn_pass !== undefined) {
    report.notice(
      "warning: others on this machine can see the password after -w in the process list; " +
        `set ${TURN_PASS_VARIABLE}, or give --turn-pass-file FILE, instead`,
    );
  }
  const signal = watchInterruption("dnc");
  try {
    if (task.kind === "netcheck") {
      return await checkNetwork({ ...network, signal }, values.json);
    }
    const identity = await ownIdentity(values);
    return await withEndpoint(
      { ...network, identity },
      (endpoint) => perform(task, { endpoint, values, signal, report, entry }),
    );
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  }
}

interface Performance {
  readonly endpoint: PeerEndpoint;
  readonly values: OptionValues<DncOptions>;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly entry: string;
}

async function perform(
  task: Exclude<Task, { kind: "show-id" | "netcheck" }>,
  { endpoint, values, signal, report, entry }: Performance,
): Promise<number> {
  const common = { signal, report, streams: STANDARD_STREAMS };
  switch (task.kind) {
    case "connect":
      return await connect(endpoint, {
        ...common,
        id: task.id,
        target: task.target,
        timeoutMs: values.timeout,
      });
    case "forward":
      return await forward(endpoint, { ...common, ...task, timeoutMs: values.timeout });
    case "ping":
      return await ping(endpoint, {
        ...task,
        json: values.json,
        timeoutMs: values.timeout,
        signal,
      });
    case "listen":
    case "serve": {
      const purposes = task.kind === "serve" ? purposesOf(task) : [undefined];
      // Taken before peers can find us, so that none is turned away.
      const incoming = withoutPings(endpoint.incoming());
      const commands = purposes.map((one) => peerCommand(endpoint.id, values, one, entry));
      await invite(endpoint, report, signal, commands);
      if (values.turn_user !== undefined) {
        report.notice(`there, ${TURN_PASS_VARIABLE} must hold the password of ${values.turn_user}`);
      }
      return task.kind === "serve"
        ? await serve(incoming, { ...common, ...task })
        : await listen(endpoint, incoming, common);
    }
  }
}

/** What peers may ask for. */
function purposesOf({ services, listens }: Extract<Task, { kind: "serve" }>): ChannelPurpose[] {
  return [...services, ...listens.map((target) => ({ kind: "listen", ...target }) as const)];
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
