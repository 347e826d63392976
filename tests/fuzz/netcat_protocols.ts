/** What `dnc` takes from peers, and from programs of its machine. */
import { concatBytes } from "@noble/hashes/utils.js";
import { ControlChannel } from "../../cmd/dnc/control/control_channel.ts";
import { FrameType, putHeader } from "../../cmd/dnc/control/frame.ts";
import { serveChannel } from "../../cmd/dnc/control/serve_channel.ts";
import { CONTROL_VERSION } from "../../cmd/dnc/control/version.ts";
import { DatagramDecoder, encodeDatagrams } from "../../cmd/dnc/datagram/framing.ts";
import { responseTo } from "../../cmd/dnc/metrics/serve_metrics.ts";
import { formatServiceName, parseServiceName } from "../../cmd/dnc/service_name.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { SignallingError } from "../../lib/endpoint/signalling/mod.ts";
import { readFrame } from "../../lib/endpoint/signalling/stream_frame.ts";
import { ChannelError } from "../../lib/session/mod.ts";
import { GivenBytes, SilentChannel } from "./byte_streams.ts";
import { decoder, type FuzzTarget } from "./target.ts";

const PEER = "ab".repeat(32);
const text = (content: string) => new TextEncoder().encode(content);
const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function frame(type: number, message?: unknown): Uint8Array {
  const body = message instanceof Uint8Array
    ? message
    : text(message === undefined ? "" : JSON.stringify(message));
  const header = new Uint8Array(4);
  putHeader(header, type, body.length);
  return concatBytes(header, body);
}

const REQUEST = { version: CONTROL_VERSION, id: PEER, name: "nc://127.0.0.1:22", timeoutMs: 9 };
const REQUESTS = [
  concatBytes(
    frame(FrameType.request, REQUEST),
    frame(FrameType.data, text("some bytes")),
    frame(FrameType.end),
    frame(FrameType.close),
  ),
];
const ANSWERS = [
  concatBytes(
    frame(FrameType.connected, { path: { kind: "udp", relayed: false }, roundTripMs: 1 }),
    frame(FrameType.opened),
    frame(FrameType.data, text("some bytes")),
    frame(FrameType.end),
    frame(FrameType.over),
  ),
  frame(FrameType.failed, { of: "channel", code: "declined", remoteCode: 256, message: "no" }),
  frame(FrameType.failed, { of: "connect", code: "unreachable", message: "not found" }),
];

const dialler = {
  connect: () => Promise.resolve(new SilentChannel()),
  status: () => ({ sessions: [] }),
};

/** Reads a channel of a master to its end. */
async function readToEnd(bytes: Uint8Array): Promise<void> {
  const channel = new ControlChannel("fuzz", new GivenBytes(bytes) as unknown as Deno.UnixConn);
  await channel.connected.catch(expected);
  const buffer = new Uint8Array(1_000);
  try {
    while (await channel.read(buffer) !== null);
  } catch (error) {
    expected(error);
  }
}

function expected(error: unknown): void {
  if (!(error instanceof ChannelError || error instanceof ConnectError)) throw error;
}

/** One stream for many inputs, as one channel has one. */
const datagrams: FuzzTarget = {
  name: "dnc datagrams",
  samples: [encodeDatagrams([text("one"), new Uint8Array(0), text("another")])],
  start() {
    const stream = new DatagramDecoder();
    return {
      take(bytes) {
        for (const datagram of stream.decode(bytes)) {
          if (datagram.length > 65_535) throw new Error("longer than a datagram can be");
        }
      },
    };
  },
};

const METRICS = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9100\r\nAccept: */*";

/** `dnc`. Its status socket is not here: it takes no bytes. */
export const NETCAT_PROTOCOLS: readonly FuzzTarget[] = [
  decoder(
    "dnc control, master",
    REQUESTS,
    (bytes) => serveChannel(new GivenBytes(bytes) as unknown as Deno.UnixConn, dialler, PEER),
  ),
  decoder("dnc control, client", ANSWERS, readToEnd),
  datagrams,
  decoder(
    "channel name",
    [
      "nc://127.0.0.1:22",
      "nc+udp://[::1]:53",
      "nc+unix:///run/x.sock",
      "nc+listen://0.0.0.0:80",
      "nc://",
    ].map(text),
    (bytes) => {
      const purpose = parseServiceName(utf8(bytes));
      if (purpose === undefined) return;
      const again = parseServiceName(formatServiceName(purpose));
      if (JSON.stringify(again) !== JSON.stringify(purpose)) {
        throw new Error(`${utf8(bytes)} is read as something else once it is written`);
      }
    },
  ),
  decoder("request for metrics", [text(METRICS)], (bytes) => {
    if (!/^HTTP\/1\.1 [24]\d\d /.test(responseTo(utf8(bytes), () => "x 1\n# EOF\n"))) {
      throw new Error("no response");
    }
  }),
  decoder(
    "request over TCP",
    [Uint8Array.of(0, 4, 1, 2, 3, 4)],
    (bytes) => readFrame(new GivenBytes(bytes)),
    SignallingError,
  ),
];
