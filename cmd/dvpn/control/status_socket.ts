import { configDirectory } from "../../tool/config_directory.ts";
import { jsonLine } from "../../tool/output.ts";
import type { StatusReport } from "../status.ts";

/** Whoever asks and does not read is left alone after this time, ms. */
const ANSWER_TIMEOUT_MS = 2_000;
const SUFFIX = ".sock";

/** Where the sockets of this user's networks are. */
export function socketDirectory(): string {
  return `${configDirectory()}/dvpn`;
}

/** The socket of the network on an interface. */
export function socketPath(device: string): string {
  return `${socketDirectory()}/${device}${SUFFIX}`;
}

/** The interfaces whose networks have, or had, a socket. */
export function socketDevices(): string[] {
  try {
    return [...Deno.readDirSync(socketDirectory())]
      .filter(({ name }) => name.endsWith(SUFFIX))
      .map(({ name }) => name.slice(0, -SUFFIX.length))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Tells whoever connects to the socket what is going on: one line of JSON. Only the owner can
 * connect. A socket that a killed process left is replaced: the interface is ours, so nobody else
 * serves it.
 *
 * @returns what ends it
 */
export async function serveStatus(device: string, report: () => StatusReport): Promise<Disposable> {
  await Deno.mkdir(socketDirectory(), { recursive: true, mode: 0o700 });
  const path = socketPath(device);
  await Deno.remove(path).catch(() => {});
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o600);
  const answer = async (connection: Deno.UnixConn) => {
    const timer = setTimeout(() => connection.close(), ANSWER_TIMEOUT_MS);
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode(jsonLine(report())));
    clearTimeout(timer);
    await writer.close();
  };
  const serve = async () => {
    for await (const connection of listener) answer(connection).catch(() => {});
  };
  serve().catch(() => {});
  return {
    [Symbol.dispose]: () => {
      listener.close();
      try {
        Deno.removeSync(path);
      } catch {
        // somebody has tidied up
      }
    },
  };
}
