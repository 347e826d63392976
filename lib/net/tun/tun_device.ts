import { OWN_INTERFACES, ROUTES } from "../own_interfaces.ts";
import { NetError, reasonOf, TransportUnavailableError } from "../net_error.ts";
import { type TunLibc, tunLibc } from "./libc.ts";
import { type OnTheSpot, type Readiness, readiness } from "./readiness.ts";
import { routeSource } from "./route_source.ts";
import { VNET_HEADER_BYTES } from "./vnet_header.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
// <sys/socket.h>
const AF_UNIX = 1;
const SOCK_DGRAM = 2;

// <linux/if_tun.h>
const TUNSETIFF = 0x400454can;
const TUNSETOFFLOAD = 0x400454d0n;
const TUNSETVNETHDRSZ = 0x400454d8n;
const TUNSETVNETLE = 0x400454dcn;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN: checksums and TCP segments are ours. */
const OFFLOAD_TCP = 0x01n | 0x02n | 0x04n | 0x08n;
/** TUN_F_USO4 | TUN_F_USO6: UDP segments, too, since Linux 6.2. */
const OFFLOAD_UDP = 0x20n | 0x40n;
const IFREQ_BYTES = 40;
const IFNAMSIZ = 16;

const EPERM = 1;
const ENOENT = 2;
const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const EINVAL = 22;

/** The largest read: an offload header and the longest IP packet, bytes. */
export const MAX_TUN_READ_BYTES: number = VNET_HEADER_BYTES + 65_535;

/** What {@linkcode TunDevice.open} takes. */
export interface TunOptions {
  /** Name of the interface, at most 15 bytes; `%d` stands for the first free number. */
  readonly name: string;
}

/**
 * A TUN device of Linux: the kernel's packets come out of {@linkcode TunDevice.read} and
 * {@linkcode TunDevice.write} gives packets to it, each behind the header that `vnet_header.ts`
 * describes. So 64 KiB of TCP cross in one call, and checksums are computed once or never. The
 * interface and what depends on it, routes included, is gone with the device or the process.
 *
 * ```
 *   open ──read()──▶ packets ──0──▶ readable() ──▶ read() …       close(): gone
 * ```
 *
 * Reads are system calls of a microsecond that never wait; waiting is done by a thread of the
 * runtime's pool. Measured: 55 to 70 µs for a packet in and its answer out, as with blocking reads
 * on that pool, with `Deno.FsFile`, or with a worker and shared memory; but here a burst costs one
 * wake-up, and nothing is copied.
 */
export class TunDevice implements Disposable {
  /** Name of the interface. */
  readonly name: string;
  /** Whether the kernel segments UDP, and takes segmented UDP, too. */
  readonly segmentsUdp: boolean;
  readonly #libc: TunLibc;
  readonly #fd: number;
  readonly #readiness: Readiness;
  #closed = false;

  private constructor(libc: TunLibc, fd: number, name: string, segmentsUdp: boolean) {
    this.#libc = libc;
    this.#fd = fd;
    this.name = name;
    this.segmentsUdp = segmentsUdp;
    this.#readiness = readiness();
  }

  /**
   * Makes a device in this network namespace. It is down and has no address.
   *
   * @throws {TransportUnavailableError} on a system other than Linux, or without `/dev/net/tun`
   * @throws {NetError} `bind`, when it may not or cannot be made
   */
  static open({ name }: TunOptions): TunDevice {
    if (Deno.build.os !== "linux") {
      throw new TransportUnavailableError("TUN", `only Linux is supported, not ${Deno.build.os}`);
    }
    let libc: TunLibc;
    try {
      libc = tunLibc();
    } catch (cause) {
      throw new NetError("bind", `cannot load libc: ${reasonOf(cause)}`, { cause });
    }
    const fd = libc.open(zeroEnded("/dev/net/tun"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) throw openError(libc.errno());
    try {
      const made = setUp(libc, fd, name);
      OWN_INTERFACES.add(made.name);
      ROUTES.sourceFor = (remote) => routeSource(libc, remote);
      return new TunDevice(libc, fd, made.name, made.segmentsUdp);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  /**
   * Two that are connected with each other and with no kernel: a packet given to one comes out of the
   * other. To rehearse and to test with, by the same system calls.
   *
   * @throws {NetError} `bind`
   */
  static pair(): [TunDevice, TunDevice] {
    const libc = tunLibc(), ends = new Int32Array(2);
    const type = SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC;
    if (libc.socketpair(AF_UNIX, type, 0, new Uint8Array(ends.buffer)) < 0) {
      throw new NetError("bind", `no pair of sockets (${reason(libc.errno())})`);
    }
    const device = (fd: number) => new TunDevice(libc, fd, "", true);
    return [device(ends[0]!), device(ends[1]!)];
  }

  /**
   * Takes the next packet, without waiting.
   *
   * @param into at least {@linkcode MAX_TUN_READ_BYTES} bytes
   * @returns how many bytes were filled, header and packet; 0 when no packet waits
   * @throws {NetError} `closed` when the device is gone
   */
  read(into: Uint8Array<ArrayBuffer>): number {
    if (this.#closed) throw gone(this.name);
    const count = Number(this.#libc.read(this.#fd, into, BigInt(into.length)));
    if (count >= 0) return count;
    const errno = this.#libc.errno();
    if (errno === EAGAIN || errno === EINTR) return 0;
    throw gone(this.name, errno);
  }

  /**
   * Gives a packet to the kernel.
   *
   * @param packet offload header and packet
   * @returns false when the kernel did not take it: it is malformed, or the interface is down
   */
  write(packet: Uint8Array<ArrayBuffer>): boolean {
    if (this.#closed) return false;
    return this.#libc.write(this.#fd, packet, BigInt(packet.length)) > 0n;
  }

  /**
   * Waits until {@linkcode read} would give a packet, or tell that the device is gone.
   *
   * @param onTheSpot reads, if it can do so at once
   * @throws {NetError} `closed` when the device is closed, also when that happens meanwhile
   */
  async readable(onTheSpot?: OnTheSpot): Promise<void> {
    if (!this.#closed) await this.#readiness.readable(this.#fd, onTheSpot);
    if (this.#closed) throw gone(this.name);
  }

  /** Removes the device. A wait under way ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    OWN_INTERFACES.delete(this.name);
    this.#readiness.forget(this.#fd);
    this.#libc.close(this.#fd);
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function setUp(
  libc: TunLibc,
  fd: number,
  wanted: string,
): { name: string; segmentsUdp: boolean } {
  const request = new Uint8Array(IFREQ_BYTES);
  const name = zeroEnded(wanted);
  if (name.length > IFNAMSIZ) throw new NetError("bind", `interface name ${wanted} is too long`);
  request.set(name);
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, true);
  if (libc.ioctl(fd, TUNSETIFF, request) < 0) throw interfaceError(wanted, libc.errno());
  const size = new Uint8Array(new Int32Array([VNET_HEADER_BYTES]).buffer);
  const littleEndian = new Uint8Array(new Int32Array([1]).buffer);
  if (
    libc.ioctl(fd, TUNSETVNETHDRSZ, size) < 0 || libc.ioctl(fd, TUNSETVNETLE, littleEndian) < 0
  ) throw interfaceError(wanted, libc.errno());
  const segmentsUdp = libc.ioctlValue(fd, TUNSETOFFLOAD, OFFLOAD_TCP | OFFLOAD_UDP) === 0;
  if (!segmentsUdp && libc.ioctlValue(fd, TUNSETOFFLOAD, OFFLOAD_TCP) < 0) {
    throw interfaceError(wanted, libc.errno());
  }
  const end = request.indexOf(0);
  return { name: new TextDecoder().decode(request.subarray(0, end)), segmentsUdp };
}

function openError(errno: number): NetError {
  if (errno === ENOENT) {
    return new TransportUnavailableError("TUN", "there is no /dev/net/tun; run: modprobe tun");
  }
  return new NetError("bind", `cannot open /dev/net/tun (${reason(errno)})`);
}

function interfaceError(name: string, errno: number): NetError {
  // No number has been put into the name yet.
  const what = name.includes("%d") ? "an interface" : `the interface ${name}`;
  const why = errno === EINVAL ? "there is one of another kind" : reason(errno);
  return new NetError("bind", `cannot make ${what} (${why})`);
}

function reason(errno: number): string {
  if (errno === EPERM) return "it takes root, or CAP_NET_ADMIN";
  if (errno === EBUSY) return "another process has it";
  return `error ${errno} of the system`;
}

function gone(name: string, errno?: number): NetError {
  const why = errno === undefined ? "" : ` (error ${errno} of the system)`;
  return new NetError("closed", `the interface ${name} is gone${why}`);
}

function zeroEnded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
