/** How long is waited when the system cannot give us a connection that is there, ms. */
const PAUSE_MS = 100;

/**
 * The connections that come to a listener, until it is closed. One that is reset while it waits is left
 * out; when there is no descriptor for one (EMFILE, ENFILE) it is asked for again later, since others
 * will be closed: a port that nobody serves any more is worse than one that is slow.
 *
 * @example
 * ```ts
 * import { incomingConnections } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const caller = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * for await (const connection of incomingConnections(listener)) {
 *   connection.close();
 *   listener.close();
 * }
 * (await caller).close();
 * ```
 */
export async function* incomingConnections<Connection>(
  listener: { accept(): Promise<Connection> },
): AsyncGenerator<Connection, void> {
  while (true) {
    let connection: Connection;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      continue;
    }
    yield connection;
  }
}
