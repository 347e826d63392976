/** Why {@linkcode IceError} was thrown. */
export type IceErrorCode =
  /** The peer's ufrag or pwd has the wrong form. */
  | "bad-credentials"
  /** The peer's credentials changed without {@linkcode IceAgent.restart}. */
  | "credentials-changed"
  /** A local candidate that makes no sense: address, port, TCP type. */
  | "bad-candidate"
  /** More local candidates than the agent takes. */
  | "too-many-candidates";

/** The one error with which the agent refuses what its owner asks. Packets never cause it. */
export class IceError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "IceError";
  /** What is wrong. */
  readonly code: IceErrorCode;

  /** `detail` is for people. */
  constructor(code: IceErrorCode, detail: string) {
    super(`${detail} (${code})`);
    this.code = code;
  }
}
