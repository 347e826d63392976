import { shellLine } from "../../tool/invocation.ts";

/** A command line, without a shell. */
export type Command = readonly string[];

/** A setting of the kernel gets a value. */
export interface SysctlChange {
  /** Its path below `/proc/sys`, for example `net/ipv4/ip_forward`. */
  readonly sysctl: string;
  readonly value: string;
}

/** What is at a path: a file, a symbolic link, or nothing. */
export type FileState =
  | { readonly text: string; readonly mode: number }
  | { readonly link: string }
  | { readonly absent: true };

/** What is at a path becomes something else. */
export interface FileChange {
  readonly file: string;
  readonly state: FileState;
  /** Only if the file has this text: whoever has written it since knows better. */
  readonly insteadOf?: string;
}

/**
 * One change to this host's network. It is plain data: it can be shown, and what undoes it can be
 * kept in a file for the time after a crash.
 */
export type Action = Command | SysctlChange | FileChange;

/** The change as a command that a shell takes. */
export function showAction(action: Action): string {
  if ("sysctl" in action) return shellLine(["sysctl", "-w", `${action.sysctl}=${action.value}`]);
  if (!("file" in action)) return shellLine(action);
  const { file, state } = action;
  if ("text" in state) return `${shellLine(["printf", "%s", state.text])} > ${shellLine([file])}`;
  return "link" in state ? shellLine(["ln", "-sfn", state.link, file]) : shellLine(["rm", file]);
}
