/** Exit codes of the tools, as a caller's script may rely on them. */
export const ExitCode = {
  /** Done; both directions ended in order. */
  ok: 0,
  /** The network, the peer or the operating system failed. */
  failure: 1,
  /** The command line or the configuration makes no sense. */
  usage: 2,
  /** The peer said no. */
  refused: 3,
  /** Ended by SIGHUP: 128 + 1. */
  hungUp: 129,
  /** Ended by SIGINT: 128 + 2. */
  interrupted: 130,
  /** Ended by SIGTERM: 128 + 15. */
  terminated: 143,
} as const;

/** A failure whose message is all that the user needs: no stack, only the exit code. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  /** What the process exits with. */
  readonly exitCode: number;

  /** An error for people with the exit code for scripts. */
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line makes no sense: exit code 2, and a pointer to `--help`. */
export class UsageError extends ToolError {
  /** An error that names the offending argument. */
  constructor(message: string) {
    super(ExitCode.usage, message);
  }
}
