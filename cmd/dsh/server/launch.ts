import type { Account } from "./account.ts";

/** A program to start, and as whom. */
export interface Launch {
  /** The program and its arguments. */
  readonly program: readonly string[];
  /** All of its environment. */
  readonly environment: ReadonlyMap<string, string>;
  /** Whose rights it has. */
  readonly account: Account;
}

/** Where programs are looked for; `root` also has those of the administrator. */
const USER_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
const ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** PATH of an account without settings of its own. */
export function pathOf({ uid }: Account): string {
  return uid === 0 ? ROOT_PATH : USER_PATH;
}

let signalReset: readonly string[] | undefined;

/**
 * What to put before a command so that no signal is ignored by it: programs inherit that, and a
 * server that a script or nohup has started in the background ignores some, which would take Ctrl-\
 * from its sessions.
 *
 * @param env of coreutils 8.31 or newer
 * @returns nothing where `env` cannot do it: a session is worth more than its signals
 */
export function defaultSignals(env: string): readonly string[] {
  const words = [env, "--default-signal"];
  try {
    const [command, ...args] = [...words, "true"] as const;
    const probe = new Deno.Command(command!, {
      ...{ args, env: { PATH: ROOT_PATH }, clearEnv: true, stdin: "null" },
      ...{ stdout: "null", stderr: "null" },
    });
    return probe.outputSync().success ? words : [];
  } catch {
    return [];
  }
}

/**
 * The command that starts a program in a session of its own (setsid), in the account's home, and
 * with the account's rights (setpriv). It ignores no signal, and gets SIGHUP if this process dies.
 *
 * What the peer put into the environment takes effect only behind the change of rights: until
 * then it stands under names that mean nothing to a loader.
 *
 * @param terminal device that becomes its controlling terminal; undefined leaves its streams alone
 */
export function launchCommand(
  { program, environment, account }: Launch,
  terminal: string | undefined,
): { command: string; args: string[]; env: Record<string, string> } {
  const env: Record<string, string> = { PATH: ROOT_PATH };
  const lines: string[] = [];
  for (const [name, value] of environment) {
    const carrier = `DSH_${lines.length}`;
    env[carrier] = value;
    lines.push(`export ${name}="$${carrier}"; unset ${carrier}`);
  }
  const changed = account.uid === Deno.uid()
    ? []
    : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--inh-caps=-all"];
  signalReset ??= defaultSignals("env");
  const [command, ...args] = [...signalReset, "setpriv"];
  return {
    command: command!,
    args: [
      ...args,
      ...["--pdeathsig", "HUP", ...changed, "--", "sh", "-c"],
      [
        ...lines,
        `cd "$HOME" 2>/dev/null || cd /`,
        terminal === undefined ? `exec setsid "$@"` : `exec setsid --ctty "$@" <>"$0" >&0 2>&0`,
      ].join("\n"),
      terminal ?? "dsh",
      ...program,
    ],
    env,
  };
}
