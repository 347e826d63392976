/** Debian's sshd on loopback with keys of its own. */
export class SshdServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #ssh: readonly string[];

  private constructor(child: Deno.ChildProcess, ssh: readonly string[]) {
    this.#child = child;
    this.#ssh = ssh;
  }

  /** Starts it with files in a directory. */
  static async start(directory: string): Promise<SshdServer> {
    for (const key of ["host", "user"]) {
      await new Deno.Command("ssh-keygen", {
        args: ["-q", "-t", "ed25519", "-N", "", "-f", `${directory}/${key}`],
      }).output();
    }
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    const hostKey = await Deno.readTextFile(`${directory}/host.pub`);
    await Deno.writeTextFile(`${directory}/known_hosts`, `bench ${hostKey}`);
    await Deno.writeTextFile(
      `${directory}/sshd_config`,
      [
        ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${directory}/host`],
        ...[`AuthorizedKeysFile ${directory}/user.pub`, "StrictModes no", "UsePAM no"],
        ...["PidFile none", "PermitRootLogin prohibit-password", "PasswordAuthentication no"],
      ].join("\n"),
    );
    await Deno.mkdir("/run/sshd", { recursive: true });
    const child = new Deno.Command("/usr/sbin/sshd", {
      args: ["-D", "-e", "-f", `${directory}/sshd_config`],
      stdin: "null",
      stderr: "piped",
    }).spawn();
    const log = child.stderr.getReader();
    await log.read();
    log.releaseLock();
    return new SshdServer(child, [
      ...["ssh", "-F", "none", "-i", `${directory}/user`, "-o", "IdentitiesOnly=yes"],
      ...["-o", `UserKnownHostsFile=${directory}/known_hosts`, "-o", "GlobalKnownHostsFile=none"],
      ...["-o", "HostKeyAlias=bench", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
      ...["-p", String(port), "root@127.0.0.1"],
    ]);
  }

  /** What runs a command there. */
  command(line: string): string[] {
    return [...this.#ssh, line];
  }

  /** What runs a command there at a terminal, and says "ready" before. */
  terminalCommand(line: string): string[] {
    return [this.#ssh[0]!, "-tt", ...this.#ssh.slice(1), `echo ready; ${line}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.stderr.cancel();
    await this.#child.status;
  }
}
