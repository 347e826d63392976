import type { PeerChannel, PeerEndpoint } from "../../../peer/peer_channel.ts";
import type { Report } from "../../../peer/report.ts";
import { ToolError } from "../../../tool/exit_code.ts";
import { printableLine } from "../../../tool/log_line.ts";
import { formatBytes } from "../../../tool/output.ts";
import { waitAtMost } from "../../../tool/waiting.ts";
import { OWN_FAILURE, ownFailure } from "../../client/run_session.ts";
import type { Frame } from "../../protocol/frame_decoder.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { framesOf } from "../frame_input.ts";
import { FrameOutput } from "../frame_output.ts";
import { FileFrame, FILES_CHANNEL } from "../protocol/file_frame.ts";
import { decodeFailure, encodeFailure, type Note } from "../protocol/file_messages.ts";
import { encodeTransferRequest } from "../protocol/transfer_request.ts";
import { Tally } from "../tally.ts";
import { TransferFailure } from "../transfer_failure.ts";
import { TreeReceiver } from "../tree_receiver.ts";
import { TreeSender } from "../tree_sender.ts";
import { TargetTree } from "../tree/target_tree.ts";
import { TreeError } from "../tree/tree_error.ts";
import type { Destination } from "../tree/destination.ts";
import { localDestination, type LocalSource, localSource } from "./local_side.ts";
import { ProgressLine } from "./progress_line.ts";

/** Ends a transfer that left something out that should have been copied. */
const SOME_FAILED = 1;
/** Longest wait for a peer to learn why we end a transfer, ms. */
const FAREWELL_MS = 2_000;

/** What a transfer needs to know. */
export interface TransferOptions {
  /** The peer's id. */
  readonly id: string;
  readonly direction: "put" | "get";
  /** Path here. */
  readonly local: string;
  /** Path there. */
  readonly remote: string;
  /** Aborted to end it; what was carried is kept for the next time. */
  readonly signal: AbortSignal;
  /** Longest time until there is a connection, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** For the user. */
  readonly report: Report;
  /** Whether to show on standard error how far it is. */
  readonly showsProgress: boolean;
}

/**
 * Copies files to a peer, or from it.
 *
 * @returns the exit code: 0, or 1 when something was left out that should have been copied
 * @throws {ToolError} when the transfer could not be made, or broke; the signal's reason
 */
export async function runTransfer(
  endpoint: PeerEndpoint,
  options: TransferOptions,
): Promise<number> {
  const { signal, timeoutMs } = options;
  const tally = new Tally();
  const begin = performance.now();
  try {
    using side = openSide(options);
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    const channel = await endpoint.connect(options.id, FILES_CHANNEL, { signal, ...limit });
    const stop = () => channel.reset();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await transfer(channel, side, options, tally);
    } finally {
      signal.removeEventListener("abort", stop);
      channel.reset();
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : explained(error, options, tally);
  }
  return conclude(options, tally, performance.now() - begin);
}

/** What is here of a transfer. */
type Side = Disposable & ({ source: LocalSource } | { destination: Destination });

function openSide({ direction, local, remote }: TransferOptions): Side {
  if (direction === "put") {
    const source = localSource(local);
    return { source, [Symbol.dispose]: () => source.tree[Symbol.dispose]() };
  }
  const destination = localDestination(local, remote);
  return { destination, [Symbol.dispose]: () => destination.root[Symbol.dispose]() };
}

async function transfer(
  channel: PeerChannel,
  side: Side,
  { direction, local, remote, report, showsProgress }: TransferOptions,
  tally: Tally,
): Promise<void> {
  const output = new FrameOutput(channel);
  const name = "source" in side ? side.source.name : undefined;
  await output.add(
    FileFrame.request,
    encodeTransferRequest({ direction, path: remote, name }),
  );
  await output.flush();
  const frames = framesOf(channel);
  await agreed(frames);
  using progress = showsProgress ? new ProgressLine(tally) : undefined;
  const source = direction === "put" ? local : remote;
  const note = ({ path, reason, isFailure }: Note) => {
    progress?.clear();
    if (isFailure) tally.failures++;
    const text = `${printableLine(path || source)}: ${printableLine(reason)}`;
    report.notice(isFailure ? text : `left out: ${text}`, { level: isFailure ? "error" : "info" });
  };
  const observer = { tally, note };
  try {
    if ("source" in side) {
      await new TreeSender(side.source.tree, output, observer).run(frames);
    } else {
      using tree = new TargetTree(side.destination);
      await new TreeReceiver(tree, output, observer).run(frames);
    }
  } catch (error) {
    if (error instanceof TransferFailure && error.side === "own") await bidFarewell(output, error);
    throw error;
  }
  await channel.closeWrite();
  // All is stored; how the channel ends does not matter any more.
  await waitAtMost(channel.closed, FAREWELL_MS).catch(() => {});
}

/** Waits for the server's word. */
async function agreed(frames: AsyncGenerator<Frame<FileFrame>, void>): Promise<void> {
  const { value: frame } = await frames.next();
  if (frame?.type === FileFrame.ready) return;
  if (frame?.type === FileFrame.failure) {
    throw new TransferFailure(decodeFailure(frame.payload), "peer");
  }
  if (frame === undefined) throw new TransferFailure("it left without a word", "peer");
  throw new ProtocolError("message", "a transfer that does not begin");
}

async function bidFarewell(output: FrameOutput, { message }: TransferFailure): Promise<void> {
  const work = async () => {
    await output.add(FileFrame.failure, encodeFailure(message));
    await output.drain();
  };
  await waitAtMost(work(), FAREWELL_MS).catch(() => {});
}

function explained(error: unknown, { local }: TransferOptions, tally: Tally): unknown {
  if (error instanceof TransferFailure && error.side === "peer") {
    return new ToolError(OWN_FAILURE, `the peer refused: ${printableLine(error.message)}`, {
      cause: error,
    });
  }
  if (error instanceof TransferFailure || error instanceof TreeError) {
    return new ToolError(OWN_FAILURE, `${printableLine(local)}: ${error.message}`, {
      cause: error,
    });
  }
  const failure = ownFailure(error);
  if (!(failure instanceof ToolError) || tally.bytesCarried === 0) return failure;
  const hint = "give the command again to go on where it stopped";
  return new ToolError(failure.exitCode, `${failure.message}; ${hint}`, { cause: error });
}

function conclude(
  { report, showsProgress }: TransferOptions,
  { files, bytesCarried, failures }: Tally,
  elapsedMs: number,
): number {
  const rate = formatBytes(Math.round(bytesCarried / elapsedMs * 1000));
  const text = `${files} ${files === 1 ? "file" : "files"}, ${formatBytes(bytesCarried)} carried ` +
    `in ${(elapsedMs / 1000).toFixed(1)} s${bytesCarried === 0 ? "" : `, ${rate}/s`}`;
  if (showsProgress) report.notice(text);
  else report.detail(text);
  if (failures === 0) return 0;
  report.notice(`${failures} not copied, see above`, { level: "error" });
  return SOME_FAILED;
}
