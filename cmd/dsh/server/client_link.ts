import type { TerminalSize } from "../../../lib/net/pty.ts";
import type { PeerChannel } from "../../peer/peer_channel.ts";
import { CLIENT_TYPES, FrameType, INITIAL_CREDIT } from "../protocol/frame.ts";
import { type Frame, FrameDecoder } from "../protocol/frame_decoder.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import {
  decodeSignal,
  decodeSize,
  encodeCredit,
  encodeFailure,
  type SessionFailure,
} from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import { decodeSessionRequest, type SessionRequest } from "../protocol/session_request.ts";

/** Size of the reads from the channel, bytes: at first, and once they were filled. */
const FIRST_READ_BYTES = 8 * 1024;
const READ_BYTES = 256 * 1024;
/** Credit is given back in pieces of this size, bytes. */
const CREDIT_STEP = INITIAL_CREDIT / 4;
/** Longest wait for the request, and for the client to have taken the last frame, ms. */
const REQUEST_TIMEOUT_MS = 20_000;

/** What a client does with its session. */
export interface ClientActions {
  /** Takes as much input as there is room for now; how many bytes. */
  takeInput(bytes: Uint8Array<ArrayBuffer>): number;
  /** Takes the rest of it; resolves when there is room for more. */
  onInput(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  onInputEnd(): void;
  onResize(size: TerminalSize): void;
  onSignal(signal: Deno.Signal): void;
}

/** How a client left: by its own will, or because its connection broke. */
export type Departure = "detached" | "gone";

/** The server's end of a session's channel. */
export class ClientLink {
  /** Sends frames. */
  readonly writer: FrameWriter;
  readonly #channel: PeerChannel;
  readonly #decoder = new FrameDecoder(CLIENT_TYPES);
  #buffer = new Uint8Array(FIRST_READ_BYTES);
  /** Frames in what was read last. */
  #arrived: Iterator<Frame, void> = [].values();

  /** @param channel accepted, with nothing read from it */
  constructor(channel: PeerChannel) {
    this.#channel = channel;
    this.writer = new FrameWriter(channel);
  }

  /**
   * The client's first frame.
   *
   * @throws {ProtocolError} when it is none, or does not come
   */
  async request(): Promise<SessionRequest> {
    const late = setTimeout(() => this.#channel.reset(), REQUEST_TIMEOUT_MS);
    try {
      const frame = await this.#next();
      if (frame?.type !== FrameType.request) {
        throw new ProtocolError("message", "a session begins with a request");
      }
      return decodeSessionRequest(frame.payload);
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * Does what the client asks for until it leaves.
   *
   * @throws {ProtocolError} when it breaks the protocol
   */
  async serve(actions: ClientActions): Promise<Departure> {
    const input = new PacedInput(
      actions,
      (bytes) => void this.writer.send(FrameType.credit, encodeCredit(bytes)).catch(() => {}),
    );
    try {
      for (let frame = await this.#next(); frame !== undefined; frame = await this.#next()) {
        const { type, payload } = frame;
        switch (type) {
          case FrameType.input:
            input.take(payload);
            break;
          case FrameType.inputEnd:
            input.end();
            break;
          case FrameType.resize:
            actions.onResize(decodeSize(payload));
            break;
          case FrameType.signal:
            actions.onSignal(decodeSignal(payload));
            break;
          case FrameType.detach:
            return "detached";
          default:
            throw new ProtocolError("message", "a session has one request");
        }
      }
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      // Whatever ended the channel, the client is gone.
    }
    return "gone";
  }

  /** Sends the last frame. */
  async finish(type: typeof FrameType.exit | typeof FrameType.error, payload: Uint8Array) {
    try {
      await this.writer.send(type, payload);
      await this.#channel.closeWrite();
    } catch {
      // The client is gone.
    }
  }

  /** Says why there is no session, or no more. */
  fail(failure: SessionFailure): Promise<void> {
    return this.finish(FrameType.error, encodeFailure(failure));
  }

  /** Aborts the channel. */
  reset(): void {
    this.#channel.reset();
  }

  /** The next frame; undefined at the end. */
  async #next(): Promise<Frame | undefined> {
    while (true) {
      const { value: frame } = this.#arrived.next();
      if (frame !== undefined) return frame;
      const count = await this.#channel.read(this.#buffer);
      if (count === null) return undefined;
      this.#arrived = this.#decoder.decode(this.#buffer.subarray(0, count));
      // Most clients say little.
      const isFull = count === this.#buffer.length;
      if (isFull && count < READ_BYTES) this.#buffer = new Uint8Array(READ_BYTES);
    }
  }
}

/** Input that waits for its program, bounded by the credit that its client was given. */
class PacedInput {
  readonly #actions: ClientActions;
  readonly #grant: (bytes: number) => void;
  #credit = INITIAL_CREDIT;
  #taken = 0;
  /** Pieces that are not taken yet, and when the last of them is. */
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(actions: ClientActions, grant: (bytes: number) => void) {
    this.#actions = actions;
    this.#grant = grant;
  }

  take(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#ended) throw new ProtocolError("message", "input after its end");
    this.#credit -= bytes.length;
    if (this.#credit < 0) throw new ProtocolError("message", "more input than there is credit");
    const taken = this.#waiting === 0 ? this.#actions.takeInput(bytes) : 0;
    this.#took(taken);
    if (taken === bytes.length) return;
    const rest = bytes.slice(taken);
    const isNext = this.#waiting++ === 0;
    const done = isNext
      ? this.#actions.onInput(rest)
      : this.#last.then(() => this.#actions.onInput(rest));
    this.#last = done.then(() => {
      this.#waiting--;
      this.#took(rest.length);
    });
  }

  #took(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < CREDIT_STEP) return;
    this.#credit += this.#taken;
    this.#grant(this.#taken);
    this.#taken = 0;
  }

  end(): void {
    this.#ended = true;
    this.#last = this.#last.then(() => this.#actions.onInputEnd());
  }
}
