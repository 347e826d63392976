import type { TunLibc } from "./libc.ts";
import {
  familyOf,
  readSocketAddress,
  SOCKADDR_BYTES,
  socketAddressBytes,
} from "./socket_address.ts";

const SOCK_DGRAM = 2;
const O_CLOEXEC = 0o2000000;
/** Any but 0: nothing is sent to it. */
const PORT = 9;

/**
 * The address that the kernel would call `remote` from, by its routes and rules as they are now. A UDP
 * socket that is connected is a look at the routing table; nothing leaves the host.
 *
 * @returns undefined when there is no way to it
 */
export function routeSource(libc: TunLibc, remote: string): string | undefined {
  const address = socketAddressBytes({ ip: remote, port: PORT });
  const fd = libc.socket(familyOf(address), SOCK_DGRAM | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    if (libc.connect(fd, address, address.length) < 0) return undefined;
    const local = new Uint8Array(SOCKADDR_BYTES);
    const length = new Uint8Array(new Int32Array([SOCKADDR_BYTES]).buffer);
    return libc.getsockname(fd, local, length) < 0 ? undefined : readSocketAddress(local).ip;
  } finally {
    libc.close(fd);
  }
}
