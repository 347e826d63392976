import { NETWORK_OPTIONS } from "../peer/network_table.ts";
import { TRACE_OPTION } from "../peer/trace_option.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { CONFIGURATION_OPTIONS } from "../tool/configuration.ts";
import {
  choice,
  count,
  duration,
  flag,
  integer,
  list,
  setting,
  single,
  text,
} from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";
import { sessionName, variable, variablePattern } from "./option_values.ts";
import { parseUserRule } from "./server/user_rule.ts";

/** Most sessions that may be allowed at once. */
const MAX_SESSIONS = 10_000;

/** The options of `dsh`; its letters are upstream's. */
export const DSH_OPTIONS = {
  listen: flag("l", "Run programs for peers instead of connecting to one."),
  binary: setting(
    single("s", "CMD", text, "With -l: the program that peers get, not the login shell."),
  ),
  tty: flag("", "Use a terminal there, even if stdin is none."),
  "no-tty": flag("", "Use no terminal there: clean pipes."),
  env: list("", "NAME[=VALUE]", variable, "Set a variable there, if the peer takes it."),
  detach: single("", "NAME", sessionName, "Keep the session there when this dsh ends."),
  attach: single("", "NAME", sessionName, "Go on with a session that was kept."),
  put: single("", "LOCAL", text, "Copy a file or directory to the peer's path after it (.)."),
  get: single("", "REMOTE", text, "Copy a file or directory to the local path after it (.)."),
  ...TRUST_OPTIONS,
  "allow-command": setting(
    list("", "COMMAND", text, "With -l: peers may run exactly this; repeatable."),
    { key: "allowed_commands" },
  ),
  "forced-command": setting(
    single("", "COMMAND", text, "With -l: runs whatever peers ask for."),
  ),
  user: setting(
    list("", "[PEER=]USER", parseUserRule, "With -l as root: whose rights sessions have."),
    { key: "users" },
  ),
  "accept-env": setting(
    list("", "NAME", variablePattern, "With -l: peers may set it; * at its end: all such."),
  ),
  files: setting(
    single("", "ROOT", text, "With -l: peers may put and get files in this directory."),
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
  timeout: setting(single("", "TIME", duration, "Give up connecting then: 500ms, 10s (20s), 2m.")),
  id: flag("", "Show this device's id on standard output."),
  quiet: setting(flag("q", "Show errors only; -l still logs who did what.")),
  verbose: setting(count("", "Show what is going on; repeat for more.")),
  "log-format": setting(
    single(
      "",
      "FORMAT",
      choice("text", "json"),
      "On stderr: text (default), or json, one object a line.",
    ),
  ),
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
  network: Object.keys(NETWORK_OPTIONS).filter((name) =>
    !["bootstrap", "interface"].includes(name)
  ),
  diagnose: ["trace", "print-config", "log-format"],
} satisfies Record<string, readonly string[]>;

/** The type of the table. */
export type DshOptions = typeof DSH_OPTIONS;
