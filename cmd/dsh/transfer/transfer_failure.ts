/** A transfer cannot go on, or cannot begin: one sentence for people. */
export class TransferFailure extends Error {
  override readonly name = "TransferFailure";
  /** Who says so. */
  readonly side: "own" | "peer";

  /** An error of one of the sides. */
  constructor(reason: string, side: "own" | "peer", options?: ErrorOptions) {
    super(reason, options);
    this.side = side;
  }
}
