import { turnOfEventLoop } from "../../lib/net/mod.ts";
import { type Channel, Session } from "../../lib/session/mod.ts";
import { EscapeFilter } from "./client/escape_filter.ts";
import { CLIENT_TYPES, FrameType, SERVER_TYPES } from "./protocol/frame.ts";
import { FrameDecoder } from "./protocol/frame_decoder.ts";
import { FrameWriter } from "./protocol/frame_writer.ts";

/** From then on another key makes hardly any function quicker. */
const KEYS = 1000;
/** Enough to make all that is closed. */
const FIRST_KEYS = 8;
/** Keys between two looks at what else there is to do: about a millisecond. */
const KEYS_AT_ONCE = 4;
/** Bytes of a key's frame, with room to spare. */
const FRAME_BYTES = 64;
/** Rounds until two sessions have nothing more to say to each other. */
const TURNS = 3;

let rehearsed = false;

/**
 * Types keys in memory, and has them echoed. A function is compiled once it has been called some
 * hundred times; until then a key takes twice as long on its way through both processes. So that
 * is spent before the user types, a millisecond at a time. Nothing leaves the process.
 *
 * @param signal ends it between two keys
 */
export async function rehearseKeys(signal: AbortSignal): Promise<void> {
  if (rehearsed) return;
  rehearsed = true;
  // The sessions are closed at the end, and then the compiler has to unlearn that they never are. So
  // that comes first.
  await type(FIRST_KEYS, signal);
  await type(KEYS, signal);
}

async function type(keys: number, signal: AbortSignal): Promise<void> {
  const line = new Line();
  for (let key = 0; key < keys && !signal.aborted; key++) {
    await line.type();
    if (key % KEYS_AT_ONCE === 0) await turnOfEventLoop();
  }
  line.close();
}

/** A client and a server of which each hands its bytes to the other. */
class Line {
  readonly #near: Session;
  readonly #far: Session;
  readonly #channel: Channel;
  #served: Channel | undefined;
  readonly #escapes = new EscapeFilter();
  readonly #buffer = new Uint8Array(FRAME_BYTES);

  constructor() {
    const [send, receive, handshakeHash] = [1, 2, 3].map((byte) =>
      new Uint8Array(32).fill(byte)
    ) as [Uint8Array, Uint8Array, Uint8Array];
    const common = { now: performance.now(), onTransmit() {}, onClose() {} };
    this.#near = new Session({
      ...common,
      initiator: true,
      keys: { send, receive, handshakeHash },
      onChannel() {},
    });
    this.#far = new Session({
      ...common,
      initiator: false,
      keys: { send: receive, receive: send, handshakeHash },
      onChannel: (request) => this.#served = request.accept(),
    });
    this.#near.attach(performance.now());
    this.#far.attach(performance.now());
    this.#channel = this.#near.open("");
  }

  /** A key, and its echo. */
  async type(): Promise<void> {
    const { bytes } = this.#escapes.filter(new Uint8Array([0x78])).next().value!;
    await this.#say(this.#channel, FrameType.input, bytes);
    this.#carry();
    const typed = await this.#hear(this.#served!, CLIENT_TYPES);
    await this.#say(this.#served!, FrameType.output, typed);
    this.#carry();
    await this.#hear(this.#channel, SERVER_TYPES);
  }

  close(): void {
    this.#near.close(1);
    this.#far.close(1);
  }

  async #say(channel: Channel, type: FrameType, payload: Uint8Array): Promise<void> {
    await new FrameWriter(channel).send(type, payload);
  }

  async #hear(channel: Channel, types: readonly FrameType[]): Promise<Uint8Array> {
    const count = await channel.read(this.#buffer) ?? 0;
    const [frame] = new FrameDecoder(types).decode(this.#buffer.subarray(0, count));
    return frame!.payload;
  }

  #carry(): void {
    const now = performance.now();
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [from, to] of [[this.#near, this.#far], [this.#far, this.#near]] as const) {
        for (let out = from.pollTransmit(now); out; out = from.pollTransmit(now)) {
          to.receive(out, now);
        }
        from.pollTimeout();
      }
    }
  }
}
