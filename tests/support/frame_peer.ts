import { RecordLayer, type RecordUser } from "../../lib/session/record_layer.ts";
import { readFrames, writeFrameHeader } from "../../lib/session/frame.ts";
import { SessionEnd } from "./session_pair.ts";
import type { SessionLimits } from "../../lib/session/mod.ts";

/** One frame, taken apart. */
export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/**
 * An authenticated peer that sends whatever frames a test wants, attached to a session under test, which
 * is the responder: the peer's channels are even.
 */
export class FramePeer implements RecordUser {
  readonly end: SessionEnd;
  readonly received: Frame[] = [];
  readonly controls: { kind: number; body: Uint8Array }[] = [];
  readonly records: RecordLayer;
  now = 0;
  /** While true, what the session says is left lying, and so not acknowledged. */
  isDeaf = false;
  readonly #unheard: Uint8Array[] = [];
  #next: Uint8Array | undefined;

  constructor(limits: Partial<SessionLimits> = {}) {
    const key = (fill: number) => new Uint8Array(32).fill(fill);
    this.end = new SessionEnd(false, 2, 1, limits);
    const keys = { send: key(1), receive: key(2), handshakeHash: key(3) };
    this.records = new RecordLayer(keys, 64 << 20, this);
    this.records.attach();
    this.end.session.attach(0);
    this.exchange();
  }

  /** Sends frames in one record, then takes the answers. */
  send(...frames: [type: number, id: number, payload?: Uint8Array | number[]][]): void {
    const parts = frames.map(([type, id, payload = []]) => {
      const bytes = new Uint8Array(8 + payload.length);
      writeFrameHeader(bytes, 0, type, payload.length, id);
      bytes.set(payload, 8);
      return bytes;
    });
    this.sendPlaintext(new Uint8Array(parts.flatMap((part) => [...part])));
  }

  /** Sends any plaintext as one data record, then takes the answers. */
  sendPlaintext(plaintext: Uint8Array): void {
    this.#next = plaintext;
    this.exchange();
  }

  /** Moves bytes both ways until both are silent. */
  exchange(): void {
    for (let silent = false; !silent;) {
      silent = true;
      for (let out; (out = this.records.pollTransmit()) !== undefined;) {
        this.end.session.receive(out, this.now);
        silent = false;
      }
      const answer = this.end.drain(this.now);
      if (answer.length > 0) this.#unheard.push(answer);
      while (!this.isDeaf && this.#unheard.length > 0) {
        this.records.receive(this.#unheard.shift()!, this.now);
      }
      silent &&= answer.length === 0;
    }
  }

  /** Frames of one type that the session has sent. */
  framesOf(type: number): Frame[] {
    return this.received.filter((frame) => frame.type === type);
  }

  fill(into: Uint8Array): number {
    const plaintext = this.#next;
    if (plaintext === undefined) return 0;
    this.#next = undefined;
    into.set(plaintext);
    return plaintext.length;
  }

  deliver(plaintext: Uint8Array): boolean {
    readFrames(plaintext, (type, id, start, end) => {
      const payload = new Uint8Array(end - start);
      payload.set(plaintext.subarray(start, end));
      this.received.push({ type, id, payload });
    });
    return false;
  }

  control(kind: number, body: Uint8Array): void {
    this.controls.push({ kind, body: Uint8Array.from(body) });
  }

  acknowledged(): void {}
}

/** A u32 as frame payload. */
export function u32(...values: number[]): number[] {
  return values.flatMap((v) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
}
