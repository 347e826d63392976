import type { SocketAddress } from "../../ip/mod.ts";
import {
  type ExternalAddress,
  type GatewayMapping,
  type MappedTransport,
  type MappingState,
  sameExternalAddress,
} from "../../portmap/mod.ts";
import type { GatewayDriver } from "./gateway_driver.ts";

/** A port that is wanted from a router: as long as it is open, the mapper sees to it. */
export interface Mapping extends AsyncDisposable {
  /** What is mapped. */
  readonly transport: MappedTransport;
  /** Our socket. */
  readonly internal: SocketAddress;
  /** Where it can be reached; undefined while there is no mapping (yet, or any more). */
  readonly external: ExternalAddress | undefined;
  /** Where it stands; `waiting` also when there is no gateway. */
  readonly state: MappingState;
  /** Why there is none: each protocol and its reason, for people. */
  readonly reason: string | undefined;
  /** Called whenever `external` has changed, also when it is lost. */
  onChange: (external: ExternalAddress | undefined) => void;
  /**
   * Takes it from the router. Resolves when that is done, or after a bounded time. May be called
   * again.
   */
  close(): Promise<void>;
}

/** A {@linkcode Mapping} that moves with the gateways. */
export class PlacedMapping implements Mapping {
  onChange: (external: ExternalAddress | undefined) => void;
  /** The gateway at which it is, if there is one. */
  driver: GatewayDriver | undefined;
  #placed: GatewayMapping | undefined;
  #external: ExternalAddress | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  readonly transport: MappedTransport;
  readonly internal: SocketAddress;
  readonly lifetimeS: number | undefined;
  readonly #onClose: (mapping: PlacedMapping) => Promise<void>;

  constructor(
    transport: MappedTransport,
    internal: SocketAddress,
    lifetimeS: number | undefined,
    onChange: ((external: ExternalAddress | undefined) => void) | undefined,
    onClose: (mapping: PlacedMapping) => Promise<void>,
  ) {
    this.transport = transport;
    this.internal = internal;
    this.lifetimeS = lifetimeS;
    this.#onClose = onClose;
    this.onChange = onChange ?? (() => {});
  }

  get external(): ExternalAddress | undefined {
    return this.#external;
  }

  get state(): MappingState {
    if (this.#closing !== undefined && this.#placed === undefined) return "closed";
    return this.#placed?.state ?? "waiting";
  }

  get reason(): string | undefined {
    return this.#placed === undefined ? "no gateway" : this.#placed.reason;
  }

  /** Asks that gateway for it from now on, or none. */
  place(driver: GatewayDriver | undefined): void {
    if (this.driver === driver || this.#closing !== undefined) return;
    if (this.#placed !== undefined) this.driver?.unmap(this.#placed);
    this.driver = driver;
    this.#placed = undefined;
    this.#placed = driver?.map({
      transport: this.transport,
      internalPort: this.internal.port,
      ...(this.lifetimeS === undefined ? {} : { lifetimeS: this.lifetimeS }),
      onChange: (placed) => {
        if (this.driver === driver) this.#changed(placed);
      },
    });
    this.#changed(this.#placed);
  }

  close(): Promise<void> {
    this.#closing ??= this.#onClose(this);
    return this.#closing;
  }

  /** Asks the gateway to take it back; resolves when it has. */
  remove(): Promise<void> {
    if (this.#placed === undefined || this.#placed.state === "closed") return Promise.resolve();
    this.driver!.unmap(this.#placed);
    return this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #changed(placed: GatewayMapping | undefined): void {
    if (placed?.state === "closed") this.#closed.resolve();
    const before = this.#external, external = placed?.external;
    this.#external = external;
    if (!sameExternalAddress(before, external)) this.onChange(external);
  }
}
