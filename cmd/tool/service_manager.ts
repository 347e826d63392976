/** Longest wait for the service manager to take a message, ms. */
const SEND_TIMEOUT_MS = 1_000;

/**
 * Tells the service manager, systemd, how a service is (sd_notify(3)): `READY=1`, `RELOADING=1`,
 * `STOPPING=1`, `STATUS=…`, one a line. Nothing happens where no service manager asked for it by
 * `$NOTIFY_SOCKET`.
 *
 * The runtime sends datagrams only from a socket that has a name, so it gets one in a directory of
 * its own for the moment. What cannot be sent is given up: a service works without its manager.
 *
 * @param state what to tell
 * @param environment looks a variable up, the process environment by default
 * @returns whether it was sent
 */
export async function notifyServiceManager(
  state: readonly string[],
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<boolean> {
  const socket = environment("NOTIFY_SOCKET");
  // Without --unstable-net the runtime knows no such sockets; "@" is for one without a file.
  if (!socket?.startsWith("/") || Deno.listenDatagram === undefined) return false;
  const directory = await temporaryDirectory(environment("RUNTIME_DIRECTORY"));
  if (directory === undefined) return false;
  let sender: Deno.DatagramConn | undefined;
  try {
    sender = Deno.listenDatagram({ transport: "unixpacket", path: `${directory}/notify` });
    const message = new TextEncoder().encode(state.join("\n"));
    const sent = sender.send(message, { transport: "unixpacket", path: socket });
    return await Promise.race([sent.then(() => true), elapsed()]);
  } catch {
    return false;
  } finally {
    sender?.close();
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
}

async function temporaryDirectory(parent: string | undefined): Promise<string | undefined> {
  try {
    return await Deno.makeTempDir(parent === undefined ? {} : { dir: parent.split(":")[0]! });
  } catch {
    return undefined;
  }
}

function elapsed(): Promise<boolean> {
  return new Promise((resolve) =>
    Deno.unrefTimer(setTimeout(() => resolve(false), SEND_TIMEOUT_MS))
  );
}
