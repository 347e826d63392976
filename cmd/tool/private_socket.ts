/** Takes away all rights but the owner's to read and write. */
const PRIVATE_UMASK = 0o177;

/**
 * Listens on a unix socket that nobody but the user can connect to, 0600 from the first moment.
 *
 * @throws {Deno.errors.AddrInUse} when the path exists, whatever it is
 */
export function listenPrivately(path: string): Deno.UnixListener {
  const before = Deno.umask(PRIVATE_UMASK);
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(before);
  }
}

/** Removes the socket that a process has left which was killed: nobody listens there. */
export async function removeDeserted(path: string): Promise<void> {
  try {
    if (!(await Deno.lstat(path)).isSocket) return;
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(path).catch(() => {});
  }
}

/**
 * Removes a socket of ours, unless somebody has put another one in its place.
 *
 * @param inode of ours
 */
export function removeOwnSocket(path: string, inode: number | null): void {
  try {
    if (Deno.lstatSync(path).ino === inode) Deno.removeSync(path);
  } catch {
    // It has gone already.
  }
}
