/**
 * The few system calls that Deno has no door for: TUN devices and packet sockets, by way of libc.
 *
 * @module
 */
const LIBC = Deno.dlopen("libc.so.6", {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  ppoll: {
    parameters: ["buffer", "u64", "buffer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
}).symbols;

const O_RDWR_NONBLOCK = 0o4002;
const TUNSETIFF = 0x400454can;
/** IFF_TUN | IFF_NO_PI: bare IP packets. */
const IFF_TUN = 0x1001;
const IFREQ_BYTES = 40;
const IFNAMSIZ = 16;

const AF_PACKET = 17;
/** SOCK_DGRAM | SOCK_NONBLOCK: packets without their link-layer header. */
const SOCK_DGRAM_NONBLOCK = 0o4002;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const POLLIN = 1;

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed: is this run as root?`);
  return result;
}

/** A file descriptor that yields and takes whole packets. */
export class PacketDescriptor {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65_536);
  readonly #poll = new Uint8Array(8);
  readonly #timeout = new BigInt64Array(2);

  private constructor(fd: number) {
    this.#fd = fd;
    new DataView(this.#poll.buffer).setInt32(0, fd, true);
    new DataView(this.#poll.buffer).setInt16(4, POLLIN, true);
  }

  /** Takes hold of a TUN device of this network namespace; it is made when it is not there. */
  static tun(name: string): PacketDescriptor {
    const path = new TextEncoder().encode("/dev/net/tun\0");
    const fd = checked(LIBC.open(path, O_RDWR_NONBLOCK, 0), "open /dev/net/tun");
    const request = new Uint8Array(IFREQ_BYTES);
    new TextEncoder().encodeInto(name, request.subarray(0, IFNAMSIZ - 1));
    new DataView(request.buffer).setInt16(IFNAMSIZ, IFF_TUN, true);
    checked(LIBC.ioctl(fd, TUNSETIFF, request), `TUNSETIFF ${name}`);
    return new PacketDescriptor(fd);
  }

  /** Every IP packet that any interface of this network namespace sends or receives. */
  static capture(receiveBufferBytes: number): PacketDescriptor {
    const protocol = ETH_P_ALL << 8; // in network byte order
    const fd = checked(LIBC.socket(AF_PACKET, SOCK_DGRAM_NONBLOCK, protocol), "packet socket");
    const size = new Int32Array([receiveBufferBytes]);
    checked(
      LIBC.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, new Uint8Array(size.buffer), 4),
      "SO_RCVBUFFORCE",
    );
    return new PacketDescriptor(fd);
  }

  /** The next packet, in a buffer that stays valid until the next call; undefined when none waits. */
  read(): Uint8Array<ArrayBuffer> | undefined {
    const length = Number(LIBC.read(this.#fd, this.#buffer, BigInt(this.#buffer.length)));
    return length > 0 ? this.#buffer.subarray(0, length) : undefined;
  }

  /** Sends a packet; one that the kernel does not take is lost, as on any wire. */
  write(packet: Uint8Array<ArrayBuffer>): void {
    LIBC.write(this.#fd, packet, BigInt(packet.length));
  }

  /** Waits until a packet can be read, or the time is over. */
  async readable(timeoutMs: number): Promise<void> {
    const wholeSeconds = Math.floor(timeoutMs / 1000);
    this.#timeout[0] = BigInt(wholeSeconds);
    this.#timeout[1] = BigInt(Math.floor((timeoutMs - wholeSeconds * 1000) * 1e6));
    await LIBC.ppoll(this.#poll, 1n, new Uint8Array(this.#timeout.buffer), null);
  }
}
