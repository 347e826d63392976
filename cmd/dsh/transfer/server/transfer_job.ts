import type { TransferRequest } from "../protocol/transfer_request.ts";
import type { Rights } from "./rights.ts";

/** First argument of a process that makes one transfer with another user's rights. */
export const TRANSFER_WORKER = "--transfer-worker";
/** Variable that tells it what to do, as JSON. */
export const JOB_VARIABLE = "DSH_TRANSFER";

/** What such a process does. */
export interface TransferJob {
  readonly request: TransferRequest;
  /** The allowed root, a path. */
  readonly root: string;
  /** Whose rights it takes on first. */
  readonly rights: Rights;
}
