import { userInfo } from "node:os";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";

/** A user of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Home directory. */
  readonly home: string;
  /** Login shell. */
  readonly shell: string;
}

/** What runs where the system names no shell (passwd(5)). */
const DEFAULT_SHELL = "/bin/sh";

/** The account that this process runs as. */
export async function ownAccount(): Promise<Account> {
  const { username, uid, gid, homedir } = userInfo();
  return await lookUp(String(uid)) ??
    { name: username, uid, gid, home: homedir, shell: DEFAULT_SHELL };
}

/**
 * The account of a user, by the name service of the system.
 *
 * @throws {ToolError} usage, when there is none, or only root could become it
 */
export async function accountOf(user: string): Promise<Account> {
  const account = await lookUp(user);
  if (account === undefined) {
    throw new ToolError(ExitCode.usage, `--user: there is no user ${JSON.stringify(user)}`);
  }
  const own = Deno.uid();
  if (own !== 0 && own !== account.uid) {
    throw new ToolError(ExitCode.usage, `--user: only root can run sessions as ${account.name}`);
  }
  return account;
}

/** One entry of passwd(5), by name or number. */
async function lookUp(key: string): Promise<Account | undefined> {
  const { success, stdout } = await new Deno.Command("getent", {
    args: ["passwd", "--", key],
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  const fields = new TextDecoder().decode(stdout).trimEnd().split(":");
  const [name, , uid, gid, , home, shell] = fields;
  if (!name || !uid || !gid) return undefined;
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    home: home || "/",
    shell: shell || DEFAULT_SHELL,
  };
}
