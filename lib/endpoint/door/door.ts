import { getLogger } from "@logtape/logtape";
import {
  type Clock,
  hostAddresses,
  listenQuic,
  listenTcp,
  type Pipe,
  type PipeListener,
  type QuicCredentials,
} from "../../net/mod.ts";
import { readFrame } from "../signalling/stream_frame.ts";
import { Visit } from "./visit.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** How long a visitor may take to bring its request, ms. */
export const VISIT_REQUEST_TIMEOUT_MS = 5_000;
/** Visitors at once; further ones are turned away, and call by a carrier. */
export const MAX_VISITS = 128;
/** The same for one address. */
export const MAX_VISITS_PER_IP = 32;
/** Addresses that have the door. */
const MAX_ADDRESSES = 8;

/** What a {@linkcode Door} is opened with. */
export interface DoorOptions {
  /** The interfaces on whose addresses it is; all but loopback when undefined. */
  readonly interfaces: readonly string[] | undefined;
  /** For a door that speaks QUIC; TCP when undefined. */
  readonly credentials: QuicCredentials | undefined;
  readonly clock: Clock;
  /** Takes those that have brought a request. */
  readonly onVisit: (visit: Visit) => void;
}

/** A port, the same on each of our addresses, at which those who know it can call. */
export class Door {
  readonly #options: DoorOptions;
  readonly #listeners = new Map<string, PipeListener>();
  /** Who is there, by connection. */
  readonly #visitors = new Map<Pipe, string>();
  #port = 0;
  #closed = false;

  /** Opens it, where the system lets it. */
  constructor(options: DoorOptions) {
    this.#options = options;
    this.refresh();
  }

  /** The port; undefined when none could be had. */
  get port(): number | undefined {
    return this.#listeners.size > 0 ? this.#port : undefined;
  }

  /** Who is there now. */
  get visitors(): number {
    return this.#visitors.size;
  }

  /** The host's addresses may have changed. */
  refresh(): void {
    if (this.#closed) return;
    const { interfaces } = this.#options;
    const ips = hostAddresses(interfaces === undefined ? {} : { interfaces })
      .slice(0, MAX_ADDRESSES).map(({ ip }) => ip);
    for (const [ip, listener] of this.#listeners) {
      if (ips.includes(ip)) continue;
      this.#listeners.delete(ip);
      listener.close();
    }
    for (const ip of ips) if (!this.#listeners.has(ip)) this.#listen(ip);
  }

  /** Lets nobody in any more; connections that have become pipes live on. */
  async close(): Promise<void> {
    this.#closed = true;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    await Promise.all([
      ...listeners.map((listener) => listener.close()),
      ...this.#visitors.keys().map((pipe) => pipe.abort()),
    ]);
  }

  #listen(ip: string): void {
    const { credentials } = this.#options, port = this.#port;
    const onPipe = (pipe: Pipe) => void this.#receive(pipe);
    try {
      const listener = credentials === undefined
        ? listenTcp({ ip, port, onPipe })
        : listenQuic({ local: { ip, port }, credentials, onPipe });
      this.#port = listener.local.port;
      this.#listeners.set(ip, listener);
    } catch (error) {
      log.info("no door at {ip}: {error}", { ip, error });
    }
  }

  async #receive(pipe: Pipe): Promise<void> {
    const { clock, onVisit } = this.#options, { ip } = pipe.remote;
    const same = this.#visitors.values().reduce((sum, other) => sum + Number(other === ip), 0);
    if (this.#closed || this.#visitors.size >= MAX_VISITS || same >= MAX_VISITS_PER_IP) {
      return await pipe.abort();
    }
    this.#visitors.set(pipe, ip);
    const over = () => void this.#visitors.delete(pipe);
    const patience = clock.setTimer(clock.now() + VISIT_REQUEST_TIMEOUT_MS, () => pipe.abort());
    try {
      const request = await readFrame(pipe);
      onVisit(new Visit(pipe, request, clock, over));
    } catch { // not what a door is for
      over();
      await pipe.abort();
    } finally {
      patience.cancel();
    }
  }
}
