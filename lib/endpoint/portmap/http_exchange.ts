import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalIp } from "../../ip/mod.ts";
import { dialTcp } from "../../net/mod.ts";
import {
  decodeHttpResponse,
  HTTP_TIMEOUT_MS,
  type HttpRequest,
  type HttpResponse,
  MAX_HTTP_RESPONSE_BYTES,
} from "../../portmap/mod.ts";

/**
 * Carries out one HTTP request to a router, from our address on its link. Own code instead of
 * `fetch`, which would send a request for the router to the proxy that HTTP_PROXY names, keeps
 * connections, and writes header names in lower case, which some routers do not understand.
 *
 * @returns the answer; undefined when there is none that can be decoded, whole and in time
 */
export async function exchangeHttp(
  request: HttpRequest,
  { localIp, signal }: { readonly localIp: string; readonly signal: AbortSignal },
): Promise<HttpResponse | undefined> {
  const url = new URL(request.url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(HTTP_TIMEOUT_MS)]);
  const remote = {
    ip: canonicalIp(url.hostname.replace(/^\[|\]$/g, "")),
    port: Number(url.port || 80),
  };
  try {
    await using connection = await connect(remote, localIp, limit);
    await connection.stream.write(utf8ToBytes(encodeHttpRequest(request, url)));
    const buffer = new Uint8Array(MAX_HTTP_RESPONSE_BYTES + 1);
    for (let length = 0;;) {
      const read = await connection.stream.read(buffer.subarray(length));
      length += read ?? 0;
      const response = decodeHttpResponse(buffer.subarray(0, length), read === null);
      if (response !== undefined) return response;
    }
  } catch { // refused, too slow, too long, not HTTP: no answer, which is all that the caller wants to know
    return undefined;
  }
}

async function connect(
  remote: { ip: string; port: number },
  localIp: string,
  signal: AbortSignal,
): Promise<{ stream: Awaited<ReturnType<typeof dialTcp>> } & AsyncDisposable> {
  const stream = await dialTcp(remote, { localIp, timeoutMs: HTTP_TIMEOUT_MS, signal });
  const release = () => void stream.release();
  signal.addEventListener("abort", release);
  return {
    stream,
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", release);
      await stream.release();
    },
  };
}

function encodeHttpRequest(request: HttpRequest, url: URL): string {
  const lines = [
    `${request.method} ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "User-Agent: dhtnet UPnP/1.1",
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
    ...(request.method === "POST" ? [`Content-Length: ${utf8ToBytes(request.body).length}`] : []),
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${request.body}`;
}
