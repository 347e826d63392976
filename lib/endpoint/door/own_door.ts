import { type Clock, quicCertificate } from "../../net/mod.ts";
import { equalBytes } from "../signalling/mod.ts";
import { Door } from "./door.ts";
import type { Visit } from "./visit.ts";

/** What an {@linkcode OwnDoor} is made with. */
export interface OwnDoorOptions {
  readonly interfaces: readonly string[] | undefined;
  /** Whether it speaks QUIC, not TCP. */
  readonly isQuic: boolean;
  readonly clock: Clock;
  readonly onVisit: (visit: Visit) => void;
}

/** Our door, shut until it is opened. A QUIC one is moved when the process has a new certificate. */
export class OwnDoor {
  readonly #options: OwnDoorOptions;
  #door: Door | undefined;
  #sha256: Uint8Array | undefined;
  #closed = false;

  constructor(options: OwnDoorOptions) {
    this.#options = options;
  }

  /** Opens it. */
  async open(): Promise<void> {
    const { isQuic, ...options } = this.#options;
    const credentials = isQuic ? await quicCertificate() : undefined;
    if (this.#closed || this.#door !== undefined) return;
    this.#sha256 = credentials?.sha256;
    this.#door = new Door({ ...options, credentials });
  }

  /**
   * The port to tell a peer, if it is open.
   *
   * @param sha256 of the QUIC certificate that the peer is told beside it
   */
  port(sha256: Uint8Array | undefined): number | undefined {
    const mine = this.#sha256;
    if (mine === undefined || sha256 !== undefined && equalBytes(mine, sha256)) {
      return this.#door?.port;
    }
    this.#door?.close();
    this.#door = undefined;
    this.open();
    return undefined;
  }

  /** The host's addresses may have changed. */
  refresh(): void {
    this.#door?.refresh();
  }

  /** Shuts it for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#door?.close();
  }
}
