import { ChannelError } from "../../../../lib/session/errors.ts";
import type { ByteSink, ByteSource } from "../../../peer/peer_channel.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { framesOf } from "../frame_input.ts";
import { FrameOutput } from "../frame_output.ts";
import { FileFrame } from "../protocol/file_frame.ts";
import { encodeFailure } from "../protocol/file_messages.ts";
import type { TransferRequest } from "../protocol/transfer_request.ts";
import { Tally } from "../tally.ts";
import { TransferFailure } from "../transfer_failure.ts";
import { TreeReceiver } from "../tree_receiver.ts";
import { TreeSender } from "../tree_sender.ts";
import { allowedPath } from "../tree/allowed_path.ts";
import { isIntoPath } from "../tree/destination.ts";
import { HeldInode } from "../tree/held_inode.ts";
import { SourceTree } from "../tree/source_tree.ts";
import { TargetTree } from "../tree/target_tree.ts";
import { TreeError } from "../tree/tree_error.ts";

/** What became of a transfer, for the log. */
export interface TransferOutcome {
  /** Files that were carried. */
  readonly files: number;
  /** Bytes of files that were carried. */
  readonly bytes: number;
  /** What could not be copied. */
  readonly failures: number;
  /** Why it was refused, or did not come to its end; undefined when it did. */
  readonly problem: string | undefined;
  /** Whether a put went into the path that was asked for; undefined when it came to none. */
  readonly isInto?: boolean | undefined;
}

/** What is known of a transfer, whether or not it comes to its end. */
interface Course {
  readonly tally: Tally;
  isInto: boolean | undefined;
}

/**
 * Does what a request asks for, beneath the allowed root. The client is told what goes wrong.
 *
 * @param channel behind its request
 * @param root the allowed root, a path
 */
export async function serveTransfer(
  channel: ByteSource & ByteSink,
  request: TransferRequest,
  root: string,
): Promise<TransferOutcome> {
  const output = new FrameOutput(channel);
  const course: Course = { tally: new Tally(), isInto: undefined };
  const outcome = (problem: string | undefined) => ({
    files: course.tally.filesCarried,
    bytes: course.tally.bytesCarried,
    failures: course.tally.failures,
    problem,
    isInto: course.isInto,
  });
  try {
    await serve(channel, output, request, root, course);
    return outcome(undefined);
  } catch (error) {
    const problem = problemOf(error, request.path);
    if (problem === undefined) return outcome("the connection broke");
    await sendFailure(output, problem);
    return outcome(problem);
  }
}

/** Says why a transfer cannot go on. A client that is gone does not want to know. */
export async function sendFailure(output: FrameOutput, reason: string): Promise<void> {
  try {
    await output.add(FileFrame.failure, encodeFailure(reason));
    await output.drain();
  } catch {
    // It is gone.
  }
}

async function serve(
  channel: ByteSource & ByteSink,
  output: FrameOutput,
  { direction, path, name }: TransferRequest,
  root: string,
  course: Course,
): Promise<void> {
  const { tally } = course;
  using held = HeldInode.root(root);
  const names = allowedPath(Deno.realPathSync(root), path);
  const observer = {
    tally,
    note({ isFailure }: { readonly isFailure: boolean }) {
      if (isFailure) tally.failures++;
    },
  };
  const frames = framesOf(channel);
  if (direction === "get") {
    using tree = new SourceTree(held.beneath(names, "links-inside"));
    await output.add(FileFrame.ready, new TextEncoder().encode("{}"));
    await new TreeSender(tree, output, observer).run(frames);
    return;
  }
  const isInto = isIntoPath(path);
  using tree = new TargetTree({ root: held, names, isInto, sourceName: name });
  await output.add(FileFrame.ready, new TextEncoder().encode("{}"));
  await output.flush();
  try {
    await new TreeReceiver(tree, output, observer).run(frames);
  } finally {
    course.isInto = tree.isInto;
  }
}

/** What is wrong, for the client and the log; undefined for a channel that broke. */
function problemOf(error: unknown, path: string): string | undefined {
  if (error instanceof ProtocolError) return `protocol violated: ${error.message}`;
  if (error instanceof TreeError) return `${JSON.stringify(path)}: ${error.message}`;
  if (error instanceof ChannelError || error instanceof Deno.errors.BrokenPipe) return undefined;
  if (!(error instanceof TransferFailure)) return `unexpected failure: ${error}`;
  return error.side === "own"
    ? `${JSON.stringify(path)}: ${error.message}`
    : `the client ended it: ${error.message}`;
}
