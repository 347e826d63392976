import { ipFamily } from "../ip/mod.ts";
import { Method, XorPeerAddress } from "../stun/mod.ts";
import { refreshTime, REFUSAL_MEMORY_MS, survives, type TurnContext } from "./context.ts";
import type { TurnError } from "./error.ts";

/** Addresses that one allocation may be talking with. */
export const MAX_PERMISSIONS = 256;

interface Permission {
  readonly ip: string;
  /** `asked`: not installed yet. */
  state: "asked" | "installed" | "refused";
  /** When the server forgets it, or we the refusal, milliseconds. */
  expiresAt: number;
  /** When to ask again; infinite while asking. */
  refreshAt: number;
  usedAt: number;
}

/**
 * The permissions of an allocation (RFC 8656 §9): without one for its address a peer's datagrams
 * are dropped by the server, and so are ours.
 *
 * ```
 *            CreatePermission      success                 idle
 *   (none) ────────────────▶ asked ──────▶ installed ─────────────▶ expires ──▶ (none)
 *                              │            ▲     │ 4 of 5 minutes
 *                              │            └─────┘ refresh
 *                              └─ 403, 443, 508 ──▶ refused ── 30 s ──▶ (none)
 * ```
 */
export class Permissions {
  readonly #context: TurnContext;
  readonly #byIp = new Map<string, Permission>();
  /** Called when the first answer for an address is there, yes or no. */
  readonly #onSettled: (ip: string, now: number) => void;

  constructor(context: TurnContext, onSettled: (ip: string, now: number) => void) {
    this.#context = context;
    this.#onSettled = onSettled;
  }

  /** Whether datagrams to that address pass now; counts as use. */
  use(ip: string, now: number): boolean {
    const permission = this.#byIp.get(ip);
    if (permission?.state !== "installed" || permission.expiresAt <= now) return false;
    permission.usedAt = now;
    return true;
  }

  /**
   * Asks for a permission unless there is one.
   *
   * @returns whether it is there or may still come
   */
  ask(ip: string, now: number): boolean {
    const known = this.#byIp.get(ip);
    if (known !== undefined) {
      known.usedAt = now;
      return known.state !== "refused";
    }
    if (this.#byIp.size >= MAX_PERMISSIONS || !this.#context.relays(ipFamily(ip))) return false;
    const permission: Permission = {
      ip,
      state: "asked",
      expiresAt: Infinity,
      refreshAt: Infinity,
      usedAt: now,
    };
    this.#byIp.set(ip, permission);
    this.#create(permission, now);
    return true;
  }

  /** A ChannelBind installs or refreshes the permission, too (RFC 8656 §12). */
  confirm(ip: string, now: number): void {
    const permission = this.#byIp.get(ip);
    if (permission !== undefined) this.#install(permission, now, now);
  }

  /** Refreshes, and forgets what has expired. */
  handleTimeout(now: number): void {
    for (const permission of this.#byIp.values()) {
      if (permission.expiresAt <= now) this.#byIp.delete(permission.ip);
      else if (permission.refreshAt <= now) {
        permission.refreshAt = Infinity;
        // an idle one expires
        if (now - permission.usedAt < this.#context.timing.idleMs) this.#create(permission, now);
      }
    }
  }

  /** When something is due, milliseconds. */
  pollTimeout(): number {
    let first = Infinity;
    for (const { expiresAt, refreshAt } of this.#byIp.values()) {
      first = Math.min(first, expiresAt, refreshAt);
    }
    return first;
  }

  clear(): void {
    this.#byIp.clear();
  }

  #create(permission: Permission, now: number): void {
    const { ip } = permission;
    this.#context.requests.send({
      method: Method.CreatePermission,
      purpose: `permission for ${ip}`,
      // the port is ignored (RFC 8656 §10.2)
      write: (message) => void message.add(XorPeerAddress, { ip, port: 0 }),
      onSuccess: (_, then) => this.#install(permission, now, then),
      onFailure: (error, then) => this.#refuse(permission, error, then),
    }, now);
  }

  /** @param since when it was asked for: the server's clock may have started then */
  #install(permission: Permission, since: number, now: number): void {
    const { permissionLifetimeMs } = this.#context.timing;
    const first = permission.state !== "installed";
    permission.state = "installed";
    permission.expiresAt = since + permissionLifetimeMs;
    permission.refreshAt = refreshTime(since, permissionLifetimeMs);
    if (this.#byIp.get(permission.ip) === undefined) this.#byIp.set(permission.ip, permission);
    if (!first) return;
    this.#context.emit({ type: "permitted", ip: permission.ip });
    this.#onSettled(permission.ip, now);
  }

  #refuse(permission: Permission, error: TurnError, now: number): void {
    if (!survives(this.#context, error, now)) return;
    permission.state = "refused";
    permission.expiresAt = now + REFUSAL_MEMORY_MS;
    permission.refreshAt = Infinity;
    this.#context.emit({ type: "peer-refused", ip: permission.ip, error });
    this.#onSettled(permission.ip, now);
  }
}
