import { explainFailure } from "../../peer/failure.ts";
import type { PeerChannel, PeerEndpoint } from "../../peer/peer_channel.ts";
import type { Report } from "../../peer/report.ts";
import { OutputClosed } from "../../peer/standard_streams.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { FrameType, INITIAL_CREDIT, SERVER_TYPES } from "../protocol/frame.ts";
import { FrameBatch } from "../protocol/frame_batch.ts";
import { type Frame, FrameDecoder } from "../protocol/frame_decoder.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import {
  decodeCredit,
  decodeExit,
  decodeFailure,
  decodeStarted,
  encodeSignal,
  encodeSize,
  type ProgramExit,
} from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import {
  encodeSessionRequest,
  SESSION_CHANNEL,
  type SessionRequest,
} from "../protocol/session_request.ts";
import { Credit } from "./credit.ts";
import { ESCAPE_HELP, type EscapeAction, EscapeFilter } from "./escape_filter.ts";
import type { LocalTerminal } from "./local_terminal.ts";
import { watchPath } from "./path_watch.ts";
import { rehearseKeys } from "../rehearsal.ts";
import type { SessionSignals, SignalName } from "./session_signals.ts";
import { signalExitCode } from "./session_signals.ts";
import { type SessionStreams, writeAll } from "./session_streams.ts";

/** What ends a `dsh` that failed by itself, as with `ssh`. */
export const OWN_FAILURE = 255;

/** Bytes per read of the channel and of standard input. */
const CHUNK_BYTES = 256 * 1024;

/** What a session needs to know. */
export interface SessionOptions {
  /** The peer's id. */
  readonly id: string;
  /** What to run there. */
  readonly request: SessionRequest;
  /** What it is joined to. */
  readonly streams: SessionStreams;
  /** The user's terminal, when the program has one. */
  readonly terminal: LocalTerminal | undefined;
  /** What this process is told. */
  readonly signals: Pick<SessionSignals, "signal" | "forward" | "onResize" | "onContinue">;
  /** Longest time until there is a connection, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** For the user. */
  readonly report: Report;
}

/**
 * Runs a program at a peer, joined to our streams, until it ends.
 *
 * @returns its exit code; 128 and the signal's number where a signal ended it
 * @throws {ToolError} when there is no session, or it breaks
 */
export async function runSession(
  endpoint: PeerEndpoint,
  options: SessionOptions,
): Promise<number> {
  const { id, request, signals, timeoutMs } = options;
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  let channel: PeerChannel;
  try {
    channel = await endpoint.connect(id, SESSION_CHANNEL, { signal: signals.signal, ...limit });
  } catch (error) {
    throw signals.signal.aborted ? signals.signal.reason : ownFailure(error);
  }
  const client = new SessionClient(endpoint, channel, options);
  try {
    return await client.run(encodeSessionRequest(request));
  } catch (error) {
    if (error instanceof OutputClosed) return signalExitCode("SIGPIPE");
    throw ownFailure(error);
  } finally {
    channel.close();
  }
}

class SessionClient {
  readonly #endpoint: PeerEndpoint;
  readonly #channel: PeerChannel;
  readonly #writer: FrameWriter;
  readonly #options: SessionOptions;
  readonly #credit = new Credit(INITIAL_CREDIT);
  readonly #left = Promise.withResolvers<number>();
  readonly #over = new AbortController();
  #unwatch: (() => void) | undefined;
  #isDetached = false;

  constructor(endpoint: PeerEndpoint, channel: PeerChannel, options: SessionOptions) {
    this.#endpoint = endpoint;
    this.#channel = channel;
    this.#writer = new FrameWriter(channel);
    this.#options = options;
  }

  async run(request: Uint8Array): Promise<number> {
    const { signals, terminal, streams } = this.#options;
    const abort = () => this.#left.reject(signals.signal.reason);
    signals.signal.addEventListener("abort", abort, { once: true });
    if (signals.signal.aborted) abort();
    let inOrder = false;
    try {
      this.#send(FrameType.request, request);
      // At a terminal, what is typed before the program is there belongs to nobody.
      if (terminal === undefined) this.#begin();
      // A program that is left to itself has not put the terminal in order.
      const ended = this.#receive().then((code) => {
        inOrder = true;
        return code;
      });
      return await Promise.race([ended, this.#left.promise]);
    } finally {
      signals.signal.removeEventListener("abort", abort);
      signals.forward = signals.onResize = signals.onContinue = undefined;
      this.#unwatch?.();
      this.#over.abort();
      if (terminal !== undefined && !inOrder) {
        await writeAll(streams.output, terminal.resetSequence).catch(() => {});
        // Messages that follow have a line of their own.
        if (terminal.isRaw) this.#say("\r\n");
      }
      terminal?.leave();
      if (this.#isDetached) this.#say("dsh: detached\n");
    }
  }

  /** The program may be there: input and signals are for it. */
  #begin(): void {
    const { signals, terminal, id } = this.#options;
    signals.forward = (name) => this.#send(FrameType.signal, encodeSignal(name));
    if (terminal !== undefined) {
      terminal.enter();
      signals.onResize = () => this.#send(FrameType.resize, encodeSize(terminal.size));
      signals.onContinue = () => terminal.enter();
      this.#unwatch = watchPath(
        this.#endpoint,
        id,
        (text) => this.#say(text),
        () => this.#redraw(),
      );
      rehearseKeys(this.#over.signal).catch(() => {});
    }
    this.#pumpInput().catch((error) => {
      // A channel that is over says so where it is read.
      if (error instanceof ToolError) this.#left.reject(error);
    });
  }

  /** Reads frames while the former ones are being written. */
  async #receive(): Promise<number> {
    const decoder = new FrameDecoder(SERVER_TYPES);
    let full = new Uint8Array(CHUNK_BYTES);
    let free = new Uint8Array(CHUNK_BYTES);
    let reading = this.#channel.read(full);
    for (let count = await reading; count !== null; count = await reading) {
      reading = this.#channel.read(free);
      // Writing may fail first; then nobody asks for this read any more.
      reading.catch(() => {});
      for (const frame of decoder.decode(full.subarray(0, count))) {
        const exit = await this.#take(frame);
        if (exit !== undefined) return exitCode(exit);
      }
      [full, free] = [free, full];
    }
    throw new ToolError(OWN_FAILURE, "the peer ended the session without a word");
  }

  async #take({ type, payload }: Frame): Promise<ProgramExit | undefined> {
    const { streams, terminal, report } = this.#options;
    switch (type) {
      case FrameType.output:
        terminal?.observe(payload);
        await writeAll(streams.output, payload);
        return undefined;
      case FrameType.errorOutput:
        await writeAll(streams.errorOutput, payload);
        return undefined;
      case FrameType.credit:
        this.#credit.add(decodeCredit(payload));
        return undefined;
      case FrameType.started: {
        const { ignored } = decodeStarted(payload);
        if (ignored.length > 0) report.detail(`the peer does not take ${ignored.join(", ")}`);
        if (terminal !== undefined) this.#begin();
        return undefined;
      }
      case FrameType.exit:
        return decodeExit(payload);
      default: {
        const { code, reason } = decodeFailure(payload);
        const who = code === "refused" ? "the peer refused" : "the session ended";
        throw new ToolError(OWN_FAILURE, `${who}: ${reason}`);
      }
    }
  }

  /** Carries standard input, as far as there is credit. */
  async #pumpInput(): Promise<void> {
    const { streams, terminal } = this.#options;
    const escapes = terminal === undefined ? undefined : new EscapeFilter();
    let failure: unknown;
    const batch = new FrameBatch((frame, length) =>
      this.#writer.sendInPlace(FrameType.input, frame, length).catch((error) => failure = error)
    );
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (failure === undefined) {
      const room = await this.#credit.take(CHUNK_BYTES);
      const count = await streams.input.read(buffer.subarray(0, room));
      this.#credit.add(room - (count ?? 0));
      if (count === null) break;
      const typed = buffer.subarray(0, count);
      if (escapes === undefined) {
        await batch.add(typed);
        continue;
      }
      for (const { bytes, action } of escapes.filter(typed)) {
        if (bytes.length > 0) await this.#writer.send(FrameType.input, bytes);
        if (action !== undefined) this.#act(action);
      }
    }
    if (terminal?.isRaw && this.#options.request.kept !== undefined) {
      // Keys cannot end the input of a raw terminal: it was closed, which is no Ctrl-D there.
      return this.#left.resolve(signalExitCode("SIGHUP"));
    }
    await batch.flush();
    await this.#writer.send(FrameType.inputEnd);
  }

  #act(action: EscapeAction): void {
    const { terminal } = this.#options;
    switch (action) {
      case "disconnect":
        return this.#left.reject(new ToolError(OWN_FAILURE, "disconnected"));
      case "detach":
        if (this.#options.request.kept === undefined) {
          return this.#say(
            "\r\ndsh: this session cannot stay: it was started without --detach\r\n",
          );
        }
        this.#writer.send(FrameType.detach).then(() => {
          this.#isDetached = true;
          this.#left.resolve(0);
        }, this.#left.reject);
        return;
      case "suspend":
        terminal?.suspend();
        this.#redraw();
        return;
      case "help":
        return this.#say(`\r\n${ESCAPE_HELP.join("\r\n")}\r\n`);
    }
  }

  /** Programs draw their screen again. */
  #redraw(): void {
    const { terminal } = this.#options;
    if (terminal === undefined) return;
    this.#send(FrameType.resize, encodeSize(terminal.size));
    this.#send(FrameType.signal, encodeSignal("WINCH" satisfies SignalName));
  }

  /** Writes to the user's terminal. */
  #say(text: string): void {
    writeAll(this.#options.streams.errorOutput, new TextEncoder().encode(text)).catch(() => {});
  }

  /** Sends without waiting: a channel that is over says so where it is read. */
  #send(type: FrameType, payload: Uint8Array): void {
    this.#writer.send(type, payload).catch(() => {});
  }
}

function exitCode({ code, signal }: ProgramExit): number {
  return signal === undefined ? code : signalExitCode(signal);
}

/** The same failure with the exit code that belongs to no program; a wrong usage keeps its own. */
export function ownFailure(error: unknown): unknown {
  const cause = explainFailure(error);
  if (cause instanceof ProtocolError) {
    return new ToolError(OWN_FAILURE, `the peer violates the protocol: ${cause.message}`, {
      cause,
    });
  }
  if (!(cause instanceof ToolError) || cause.exitCode > 128) return cause;
  if (cause.exitCode === ExitCode.usage) return cause;
  return new ToolError(OWN_FAILURE, cause.message, { cause });
}
