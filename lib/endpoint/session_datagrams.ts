import type { Pipe, PipeDatagrams } from "../net/mod.ts";
import {
  DATAGRAM_OVERHEAD_BYTES,
  DatagramOpener,
  DatagramSealer,
  type OpenedDatagram,
  type SessionKeys,
} from "../session/mod.ts";

/**
 * The sealed datagrams of one session, over one pipe after another: over those that carry datagrams,
 * that is. What is under way while the path changes may be lost, as on any path.
 */
export class SessionDatagrams {
  readonly #sealer: DatagramSealer;
  readonly #opener: DatagramOpener;
  readonly #onDatagram: (datagram: OpenedDatagram) => void;
  readonly #onSent: () => void;
  #path: PipeDatagrams | undefined;

  /** @param onSent called with each that is sent */
  constructor(
    keys: SessionKeys,
    onDatagram: (datagram: OpenedDatagram) => void,
    onSent: () => void,
  ) {
    this.#sealer = new DatagramSealer(keys);
    this.#opener = new DatagramOpener(keys);
    this.#onDatagram = onDatagram;
    this.#onSent = onSent;
  }

  /** The longest payload that can be sent now, bytes; 0 when the path carries none. */
  get maxBytes(): number {
    return Math.max(0, (this.#path?.maxBytes ?? 0) - DATAGRAM_OVERHEAD_BYTES);
  }

  /** The session goes on over this pipe, or over none. */
  attach(pipe: Pipe | undefined): void {
    this.#path = pipe?.datagrams;
    if (this.#path !== undefined) this.#receive(this.#path).catch(() => {});
  }

  /** Sends a payload; false when it cannot be sent. */
  send(port: number, payload: Uint8Array): boolean {
    if (payload.length > this.maxBytes) return false;
    const sealed = this.#sealer.seal(port, payload);
    if (sealed === undefined) return false;
    this.#path!.send(sealed);
    this.#onSent();
    return true;
  }

  /** Until the path is lost; one that was left may still deliver what was under way. */
  async #receive(path: PipeDatagrams): Promise<never> {
    for (;;) {
      const opened = this.#opener.open(await path.receive());
      if (opened !== undefined) this.#onDatagram(opened);
    }
  }
}
