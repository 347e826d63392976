import { type Background, run } from "./command.ts";

/** Where a server runs and leaves its files; both kinds of lab are such a place. */
export interface SshdPlace {
  readonly directory: string;
  background(...command: string[]): Background;
}

/**
 * Starts Debian's sshd on 127.0.0.1, with keys of its own.
 *
 * @returns the `ssh` command, without a destination, that may log in there as root
 */
export async function startSshd(place: SshdPlace, port: number): Promise<string[]> {
  const directory = `${place.directory}/ssh`;
  await Deno.mkdir(directory, { mode: 0o700 });
  for (const key of ["host", "user"]) {
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${directory}/${key}`);
  }
  const hostKey = await Deno.readTextFile(`${directory}/host.pub`);
  await Deno.writeTextFile(`${directory}/known_hosts`, `lab ${hostKey}`);
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${directory}/host`,
    `AuthorizedKeysFile ${directory}/user.pub`,
    ...["StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin prohibit-password"],
    ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100"],
    "Subsystem sftp internal-sftp",
  ];
  await Deno.writeTextFile(`${directory}/sshd_config`, settings.join("\n"));
  await Deno.mkdir("/run/sshd", { recursive: true });
  const server = place.background("/usr/sbin/sshd", "-D", "-e", "-f", `${directory}/sshd_config`);
  await server.shows(/Server listening/);
  return [
    ...["ssh", "-F", "none", "-i", `${directory}/user`, "-o", "IdentitiesOnly=yes"],
    ...["-o", `UserKnownHostsFile=${directory}/known_hosts`, "-o", "GlobalKnownHostsFile=none"],
    ...["-o", "HostKeyAlias=lab", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
  ];
}
