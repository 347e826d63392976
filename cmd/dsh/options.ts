import { DIALLING_OPTIONS } from "../peer/dialling_table.ts";
import { NETWORK_OPTIONS, NETWORK_TOPIC } from "../peer/network_table.ts";
import { TRACE_OPTION } from "../peer/trace_option.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { CONFIGURATION_OPTIONS } from "../tool/configuration.ts";
import { duration, flag, integer, list, setting, single, text } from "../tool/option.ts";
import { loggingOptions } from "../tool/logging_table.ts";
import { HELP, versionOption } from "../tool/tool.ts";
import { sessionName, variable, variablePattern } from "./option_values.ts";
import { parseUserRule } from "./server/user_rule.ts";

/** Most sessions that may be allowed at once. */
const MAX_SESSIONS = 10_000;

/** The options of `dsh`; its letters are upstream's. */
export const DSH_OPTIONS = {
  listen: flag("l", "Run programs for peers."),
  binary: setting(
    single("s", "CMD", text, "With -l: what peers get, not the login shell."),
  ),
  tty: flag("", "Use a terminal there, even if stdin is none."),
  "no-tty": flag("", "Use no terminal there: clean pipes."),
  env: list("", "NAME[=VALUE]", variable, "Set a variable there, if the peer takes it."),
  detach: single("", "NAME", sessionName, "Keep the session there when this dsh ends."),
  attach: single("", "NAME", sessionName, "Go on with a session that was kept."),
  put: single("", "LOCAL", text, "Copy it to the path there that follows (.)."),
  get: single("", "REMOTE", text, "Copy it to the path here that follows (.)."),
  ...TRUST_OPTIONS,
  "allow-command": setting(
    list("", "COMMAND", text, "With -l: peers may run exactly this; repeatable."),
    { key: "allowed_commands", lines: true },
  ),
  "forced-command": setting(
    single("", "COMMAND", text, "With -l: runs whatever peers ask for."),
  ),
  user: setting(
    list("", "[PEER=]USER", parseUserRule, "With -l as root: whose rights sessions have."),
    { key: "users", lines: true },
  ),
  "accept-env": setting(
    list("", "NAME", variablePattern, "With -l: peers may set it; * at its end: all such."),
  ),
  files: setting(
    single("", "ROOT", text, "With -l: peers may put and get files here."),
    { file: true },
  ),
  "files-read-only": setting(flag("", "With -l: peers only get files.")),
  "max-sessions": setting(
    single("", "N", integer(1, MAX_SESSIONS), "With -l: sessions at once (100)."),
  ),
  "idle-timeout": setting(
    single("", "TIME", duration, "With -l: end sessions that are silent so long."),
  ),
  "keep-sessions": setting(
    single("", "TIME", duration, "With -l: detached ones wait so long (24h)."),
  ),
  "no-keep": setting(flag("", "With -l: no session outlives its connection."), {
    key: "keep",
    opposite: true,
  }),
  ...NETWORK_OPTIONS,
  trace: TRACE_OPTION,
  ...CONFIGURATION_OPTIONS,
  ...DIALLING_OPTIONS,
  ...loggingOptions(""),
  quiet: setting(flag("q", "Show errors only; -l still logs who did what.")),
  help: HELP,
  version: versionOption("vV"),
};

/** What `--help` only names, and describes by topic. */
export const DSH_TOPICS = {
  listen: [
    ...["allow-command", "forced-command", "user", "accept-env", "files-read-only"],
    ...["max-sessions", "idle-timeout", "keep-sessions", "no-keep"],
    ...Object.keys(TRUST_OPTIONS),
  ],
  network: NETWORK_TOPIC,
  diagnose: ["trace", "print-config", "log-format"],
} satisfies Record<string, readonly string[]>;

/** The type of the table. */
export type DshOptions = typeof DSH_OPTIONS;
