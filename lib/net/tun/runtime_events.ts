import type { TunLibc } from "./libc.ts";

const POLLIN = 1;
const POLLFD_BYTES = 8;
const REVENTS_OFFSET = 6;

/**
 * Waits on this thread for a descriptor, and for whatever wakes the runtime's event loop: sockets,
 * signals, and other threads. On Linux an epoll descriptor can itself be waited for; the runtime has
 * one, and this finds it.
 */
export class RuntimeEvents {
  readonly #libc: TunLibc;
  readonly #poll: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: bigint;

  /** @param libc makes the system calls */
  constructor(libc: TunLibc) {
    this.#libc = libc;
    const loops = epollDescriptors();
    this.#poll = new Uint8Array(POLLFD_BYTES * (1 + loops.length));
    this.#view = new DataView(this.#poll.buffer);
    this.#count = BigInt(1 + loops.length);
    for (const [index, fd] of [-1, ...loops].entries()) {
      this.#view.setInt32(index * POLLFD_BYTES, fd, true);
      this.#view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
    }
  }

  /** Whether the event loop can be waited for. */
  get isKnown(): boolean {
    return this.#count > 1n;
  }

  /** Waits until the descriptor is readable or the event loop has something to do, and no longer. */
  wait(fd: number, timeoutMs: number): { isReady: boolean; isRuntimeReady: boolean } {
    this.#view.setInt32(0, fd, true);
    const count = this.#libc.pollHere(this.#poll, this.#count, timeoutMs);
    const isReady = count > 0 && this.#view.getInt16(REVENTS_OFFSET, true) !== 0;
    // An interruption by a signal is something to do, too.
    return { isReady, isRuntimeReady: count < 0 || count > (isReady ? 1 : 0) };
  }
}

/** What this process has; to be asked before we make our own. */
function epollDescriptors(): number[] {
  const found: number[] = [];
  try {
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      if (isEpoll(name)) found.push(Number(name));
    }
  } catch {
    return []; // no /proc
  }
  return found;
}

function isEpoll(name: string): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]";
  } catch {
    return false; // that was the descriptor of the listing
  }
}
