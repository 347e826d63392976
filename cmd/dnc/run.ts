import { configureLogging } from "../tool/logging.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { isInterruption, watchInterruption } from "../tool/interruption.ts";
import { writeOutput } from "../tool/output.ts";
import { isWritten } from "../tool/given.ts";
import { connect } from "./connect.ts";
import { controlPath } from "./control/control_path.ts";
import { checkInterfaces } from "../peer/network.ts";
import { observeAttempts } from "../peer/attempt_observer.ts";
import { networkOptions } from "../peer/network_options.ts";
import { ownIdentity } from "../peer/own_identity.ts";
import type { Endpoint } from "../../mod.ts";
import { createReport, type Report } from "../peer/report.ts";
import { withEndpoint } from "../peer/with_endpoint.ts";
import type { DncCommand } from "./reload.ts";
import { STANDARD_STREAMS } from "../peer/standard_streams.ts";
import type { Task } from "./task.ts";
import { TURN_PASS_VARIABLE } from "../peer/turn_account.ts";

/**
 * Does what a command line of `dnc` asks for. Connecting has to be quick: what only other tasks need
 * is loaded when they come.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} for every failure that is foreseen
 */
export async function runDnc(
  command: DncCommand,
  task: Task,
  entry: string,
): Promise<number> {
  const { values } = command;
  checkInterfaces(values.interface);
  if (task.kind === "show-id") {
    await showId((await ownIdentity(values)).id, task.asQrCode);
    return ExitCode.ok;
  }
  if (task.kind === "status") {
    const { showStatus } = await import("./status/show_status.ts");
    return await showStatus(task.json);
  }
  if (values.verbose > 0) await configureLogging(values.verbose, values["log-format"]);
  const report = createReport("dnc", values);
  const network = await networkOptions(values);
  if (isWritten(command.given, "turn_pass")) {
    report.notice(
      "others on this machine can see the password after -w in the process list; " +
        `set ${TURN_PASS_VARIABLE}, or give --turn-pass-file FILE, instead`,
      { level: "warning" },
    );
  }
  const signal = watchInterruption("dnc");
  try {
    if (task.kind === "netcheck") {
      const { checkNetwork } = await import("./netcheck.ts");
      return await checkNetwork({ ...network, signal }, values.json);
    }
    const identity = await ownIdentity(values);
    const observer = await observeAttempts("dnc", values);
    if (task.kind === "listen" || task.kind === "serve") {
      const { Doorkeeper } = await import("../peer/doorkeeper.ts");
      const { listenForPeers } = await import("./listening.ts");
      const { tellStatus } = await import("./status/tell_status.ts");
      const doorkeeper = await Doorkeeper.open(command, { identity, anonymous: true }, report);
      const { authorize } = doorkeeper;
      const options = { command, doorkeeper, signal, report, entry };
      return await withEndpoint(
        { ...network, identity, authorize, observer },
        async (endpoint) => {
          const isService = task.kind === "serve", { metrics } = values;
          using _ = await tellStatus(endpoint, { isService, metrics, report });
          return await listenForPeers(endpoint, task, options);
        },
      );
    }
    return await withEndpoint(
      { ...network, identity, observer },
      (endpoint) => callPeer(endpoint, task, { command, signal, report }),
    );
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  }
}

async function showId(id: string, asQrCode: boolean): Promise<void> {
  if (asQrCode) {
    const { qrCode } = await import("./qr_code.ts");
    writeOutput(qrCode(id, Deno.stdout.isTerminal() && !Deno.noColor));
  }
  writeOutput(`${id}\n`);
}

async function callPeer(
  endpoint: Endpoint,
  task: Extract<Task, { kind: "connect" | "forward" | "ping" | "control-master" }>,
  { command, signal, report }: {
    readonly command: DncCommand;
    readonly signal: AbortSignal;
    readonly report: Report;
  },
): Promise<number> {
  const { timeout: timeoutMs, json } = command.values;
  const common = { signal, report, timeoutMs };
  switch (task.kind) {
    case "connect":
      return await connect(endpoint, { ...common, ...task, streams: STANDARD_STREAMS });
    case "forward": {
      const { forward } = await import("./forward/forward.ts");
      return await forward(endpoint, { ...common, ...task });
    }
    case "control-master": {
      const { values } = command;
      const { serveControl } = await import("./control/master.ts");
      const path = await controlPath(task.control, task.id, values);
      const persistMs = values["control-persist"];
      return await serveControl(endpoint, { ...common, id: task.id, path, persistMs });
    }
    case "ping": {
      const { ping } = await import("./ping.ts");
      return await ping(endpoint, { ...common, ...task, json });
    }
  }
}
