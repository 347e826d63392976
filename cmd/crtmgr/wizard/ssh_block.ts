import { writeAtomic } from "../../../lib/net/atomic_file.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";

/** Host names that go through `dnc`: what `ssh` is given, and what `scp` and the like can take. */
const HOST_PATTERNS = "dnc/* *.dnc";

/**
 * What ssh is to prefer: its default is computed without the processor's help, and takes longer than
 * all that `dnc` does. Nothing depends on it, since what ssh encrypts is encrypted once more.
 */
export const SSH_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com";

/**
 * The block of `~/.ssh/config` that sends `dnc/ID` and `ID.dnc` through `dnc`. The second form is
 * for `scp`, `rsync` and `git`, to which a slash before the colon means a local file.
 *
 * @param dnc the command that starts `dnc` with its configuration, as a line of shell
 */
export function sshBlock(dnc: string): string {
  // ssh replaces what follows a percent sign, the shell takes care of the quotes.
  const command = dnc.replaceAll("%", "%%");
  return `# Machines reached through dhtnet: ssh USER@dnc/ID, scp FILE USER@ID.dnc:
Host ${HOST_PATTERNS}
    ProxyCommand ${command} "$(basename '%h' .dnc)"
    Ciphers ${SSH_CIPHERS}
`;
}

/** Whether a configuration of ssh has a block for `dnc/…` already. */
export function hasSshBlock(text: string): boolean {
  return text.split("\n").some((line) => {
    const words = line.trim().split(/[\s=]+/);
    return words[0]!.toLowerCase() === "host" &&
      words.slice(1).some((pattern) => /^"?dnc(\/|"?$)/.test(pattern));
  });
}

/**
 * A configuration with the block in it: before the first `Host` or `Match`, because ssh takes the
 * first value that it finds, and after what is meant for all hosts.
 */
export function withSshBlock(text: string, block: string): string {
  const lines = text.split("\n");
  let at = lines.findIndex((line) => /^\s*(host|match)[\s=]/i.test(line));
  if (at < 0) {
    const end = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    return `${end}${end === "" ? "" : "\n"}${block}`;
  }
  // The comment above a block belongs to it.
  while (at > 0 && /^\s*#/.test(lines[at - 1]!)) at--;
  return [...lines.slice(0, at), ...block.split("\n"), ...lines.slice(at)].join("\n");
}

/**
 * Puts the block into a user's `~/.ssh/config`, which is made if need be.
 *
 * @returns whether it was written; an existing block stays as it is
 * @throws {ToolError} when the files cannot be used
 */
export async function installSshBlock(home: string, block: string): Promise<boolean> {
  const directory = `${home}/.ssh`;
  let path = `${directory}/config`;
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    let text = "";
    let mode = 0o600;
    try {
      // Some keep it elsewhere and link to it.
      path = await Deno.realPath(path);
      text = await Deno.readTextFile(path);
      mode = (await Deno.stat(path)).mode ?? mode;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    if (hasSshBlock(text)) return false;
    const bytes = new TextEncoder().encode(withSshBlock(text, block));
    await writeAtomic(path, bytes, mode & 0o777);
    return true;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.failure, `cannot change ${path}: ${reason}`, { cause });
  }
}
