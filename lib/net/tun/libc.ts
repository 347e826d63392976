/** What TUN devices and UDP sockets need of libc; Deno has no door of its own to these calls. */
export interface TunLibc {
  open(path: Uint8Array<ArrayBuffer>, flags: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: bigint, argument: Uint8Array<ArrayBuffer>): number;
  ioctlValue(fd: number, request: bigint, argument: bigint): number;
  read(fd: number, into: Uint8Array<ArrayBuffer>, bytes: bigint): bigint;
  write(fd: number, from: Uint8Array<ArrayBuffer>, bytes: bigint): bigint;
  socket(family: number, type: number, protocol: number): number;
  socketpair(
    family: number,
    type: number,
    protocol: number,
    descriptors: Uint8Array<ArrayBuffer>,
  ): number;
  bind(fd: number, address: Uint8Array<ArrayBuffer>, addressBytes: number): number;
  connect(fd: number, address: Uint8Array<ArrayBuffer>, addressBytes: number): number;
  getsockname(
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    addressBytes: Uint8Array<ArrayBuffer>,
  ): number;
  sendto(
    fd: number,
    from: Uint8Array<ArrayBuffer>,
    bytes: bigint,
    flags: number,
    to: Uint8Array<ArrayBuffer>,
    toBytes: number,
  ): bigint;
  recvfrom(
    fd: number,
    into: Uint8Array<ArrayBuffer>,
    bytes: bigint,
    flags: number,
    from: Uint8Array<ArrayBuffer>,
    fromBytes: Uint8Array<ArrayBuffer>,
  ): bigint;
  eventfd(initial: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array<ArrayBuffer>): number;
  epollWait(
    epoll: number,
    events: Uint8Array<ArrayBuffer>,
    maxEvents: number,
    timeoutMs: number,
  ): number;
  /** Blocks a thread of the runtime's pool, not this one. */
  epollWaitAside(
    epoll: number,
    events: Uint8Array<ArrayBuffer>,
    maxEvents: number,
    timeoutMs: number,
  ): Promise<number>;
  /** Blocks this thread. */
  pollHere(descriptors: Uint8Array<ArrayBuffer>, count: bigint, timeoutMs: number): number;
  /** Why the last call failed; to be asked at once. */
  errno(): number;
}

const EPOLL_WAIT = ["i32", "buffer", "i32", "i32"] as const;

let loaded: TunLibc | undefined;

/**
 * Loads libc, once.
 *
 * @throws what `Deno.dlopen` throws: where there is no such library, or no permission
 */
export function tunLibc(): TunLibc {
  return loaded ??= load();
}

function load(): TunLibc {
  const { symbols } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    ioctlValue: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    sendto: {
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
      result: "isize",
    },
    recvfrom: {
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
      result: "isize",
    },
    eventfd: { parameters: ["u32", "i32"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epollWait: { name: "epoll_wait", parameters: EPOLL_WAIT, result: "i32" },
    epollWaitAside: {
      name: "epoll_wait",
      parameters: EPOLL_WAIT,
      result: "i32",
      nonblocking: true,
    },
    pollHere: { name: "poll", parameters: ["buffer", "u64", "i32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  });
  // One thread makes all calls but one, which tells no reason, so its errno stays where it is.
  const errno = new Deno.UnsafePointerView(symbols.__errno_location()!);
  return { ...symbols, errno: () => errno.getInt32() };
}
