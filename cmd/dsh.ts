/**
 * `dsh`: a shell on another machine, by its key.
 *
 * @module
 */
import { DSH_OPTIONS, DSH_TOPICS, type DshOptions } from "./dsh/options.ts";
import { TRANSFER_WORKER } from "./dsh/transfer/server/transfer_job.ts";
import { configurationPlaces } from "./tool/configuration_places.ts";
import { asksForText, runTool, type Tool } from "./tool/tool.ts";

/** The description of `dsh`. */
export const DSH: Tool<DshOptions> = {
  name: "dsh",
  summary: "a shell on another machine, by its key",
  usage: [
    "ID                      get a shell at a peer",
    "ID -- COMMAND [ARG]…    run a command there; its shell splits it",
    "-l                      run programs for peers",
    "ID --detach NAME        a shell that stays; --attach NAME goes on",
    "ID --put LOCAL [REMOTE] copy files there; --get: from there",
    "--id",
  ],
  topics: DSH_TOPICS,
  options: DSH_OPTIONS,
  defaultFiles: ({ values }) => configurationPlaces("dsh", values.listen),
  maxPositionals: Infinity,
  notes: `
An ID is a device's public key in hex, or a name in peers.yaml. Who may connect
to -l: devices of the CA that signed its own certificate, and those that
--authority, --allow-peer or --anonymous name; they get the login shell of the
user that runs it, unless options of --help listen say otherwise.
--put and --get copy files and folders; REMOTE is a path in --files ROOT. The
same command again goes on after an interruption.
A terminal is used where stdin is one, and stdout if a command is given. There,
after a new line, ~. disconnects, ~d detaches, ~? lists such escapes.
Exit: what the program there exits with, 128+N if signal N ended it, 255 if dsh
failed by itself, 2 usage. With -l: 0, 1 network, 2 usage, 130 INT, 143 TERM.
  dsh -l --allow-peer ID                a shell for one device
  tar c dir | dsh ID -- tar x -C /srv   streams are separate and binary-safe`,
  run: async (command) => (await import("./dsh/run.ts")).runDsh(command, import.meta.url),
};

// Loading begins before the command line is read: one after the other takes 20 ms longer.
if (import.meta.main && !asksForText(Deno.args)) import("./dsh/run.ts").catch(() => {});

// Deno.exit, because a read of standard input may be pending.
if (import.meta.main) {
  Deno.exit(
    Deno.args[0] === TRANSFER_WORKER
      ? await (await import("./dsh/transfer/server/transfer_worker.ts")).runTransferWorker()
      : await runTool(DSH, Deno.args),
  );
}
