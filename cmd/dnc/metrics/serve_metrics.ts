import { ipScope, isIp } from "../../../lib/ip/mod.ts";
import { writeAll } from "../all_bytes.ts";
import { formatListenAddress, type ListenAddress } from "../forward/forward_spec.ts";
import { LocalListener } from "../forward/local_listener.ts";
import { OPEN_METRICS_TYPE } from "./open_metrics.ts";

/** Longest head of a request, bytes. */
const MAX_REQUEST_BYTES = 8_192;
/** From the connection to the end of the answer, ms. */
const REQUEST_TIMEOUT_MS = 3_000;
/** Connections at once; more are closed. */
const MAX_CONNECTIONS = 16;
const PATH = "/metrics";

type Connection = Deno.TcpConn | Deno.UnixConn;

/**
 * Serves metrics by HTTP, to this machine alone, until disposed of.
 *
 * @param text makes the metrics, for each request anew
 * @returns with the address, as the system chose its port
 * @throws {ToolError} when the address cannot be had
 */
export async function serveMetrics(
  address: ListenAddress,
  text: () => string,
): Promise<Disposable & { readonly address: string }> {
  const listener = (await LocalListener.open(address))[0]!;
  // No page in a browser reaches a unix socket, whatever the name it was loaded under.
  const respond = (head: string | undefined) => responseTo(head, text, address.kind === "unix");
  const connections = new Set<Connection>();
  const serve = async () => {
    for await (const connection of listener.connections()) {
      if (connections.size >= MAX_CONNECTIONS) {
        connection.close();
        continue;
      }
      connections.add(connection);
      answer(connection, respond).catch(() => {}).finally(() => {
        connections.delete(connection);
        close(connection);
      });
    }
  };
  serve().catch(() => {});
  return {
    address: formatListenAddress(listener.address),
    [Symbol.dispose]: () => {
      listener[Symbol.dispose]();
      connections.forEach(close);
    },
  };
}

async function answer(
  connection: Connection,
  respond: (head: string | undefined) => string,
): Promise<void> {
  const timer = setTimeout(() => close(connection), REQUEST_TIMEOUT_MS);
  try {
    const head = await readHead(connection);
    await writeAll(connection, new TextEncoder().encode(respond(head)));
    await connection.closeWrite();
    // What the client still sends must not reset the connection before it has read the answer.
    const rest = new Uint8Array(1024);
    while (await connection.read(rest) !== null);
  } finally {
    clearTimeout(timer);
  }
}

/** The head of a request; undefined when that is too long, or none. */
async function readHead(connection: Connection): Promise<string | undefined> {
  const buffer = new Uint8Array(MAX_REQUEST_BYTES);
  for (let length = 0; length < buffer.length;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) return undefined;
    length += count;
    const head = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    const end = /\r?\n\r?\n/.exec(head);
    if (end !== null) return head.slice(0, end.index);
  }
  return undefined;
}

/**
 * The response to a request for metrics.
 *
 * @param head of the request, without the empty line; undefined when it is none
 * @param isAnyHost whether it may name any host
 */
export function responseTo(
  head: string | undefined,
  text: () => string,
  isAnyHost = false,
): string {
  const request = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?(?:\n|$)/.exec(head ?? "");
  if (head === undefined || request === null) return response("400 Bad Request", "no request\n");
  const [, method, target] = request;
  // A page in a browser of this machine must not read it under a name that leads here.
  if (!isAnyHost && !isForHere(head)) {
    return response("403 Forbidden", "ask by the address of this machine\n");
  }
  if (target!.split("?")[0] !== PATH) return response("404 Not Found", `it is at ${PATH}\n`);
  if (method !== "GET" && method !== "HEAD") {
    return response("405 Method Not Allowed", "GET it\n", { Allow: "GET, HEAD" });
  }
  const whole = response("200 OK", text(), { "Content-Type": OPEN_METRICS_TYPE });
  return method === "GET" ? whole : whole.slice(0, whole.indexOf("\r\n\r\n") + 4);
}

function isForHere(head: string): boolean {
  const host = /^host:[ \t]*(\S*)/im.exec(head)?.[1]?.toLowerCase().replace(/:\d*$/, "") ?? "";
  const name = host.replace(/^\[(.*)\]$/, "$1");
  return name === "" || name === "localhost" || (isIp(name) && ipScope(name) === "loopback");
}

function response(status: string, body: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({
    "Content-Type": "text/plain; charset=utf-8",
    ...headers,
    "Content-Length": new TextEncoder().encode(body).length,
    "Connection": "close",
  }).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status}\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

function close(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // it is closed already
  }
}
