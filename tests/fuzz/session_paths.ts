/** What comes on the paths of a session from whoever can send there. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { EarlyPipe, isEarlyDatagram } from "../../lib/endpoint/early_pipe.ts";
import { DatagramOpener, DatagramSealer } from "../../lib/session/mod.ts";
import { SessionPair } from "../support/session_pair.ts";
import type { FuzzTarget } from "./target.ts";

const STEP_MS = 37;
const PATH = {
  local: { ip: "192.0.2.1", port: 1 },
  remote: { ip: "192.0.2.2", port: 2 },
};

/** Bytes on the pipe of a session: whatever is not sealed by the peer breaks the pipe, no more. */
const pipe: FuzzTarget = {
  name: "session",
  samples: [flight()],
  start() {
    const { right } = new SessionPair();
    let now = 0;
    return {
      take(bytes) {
        now += STEP_MS;
        right.session.attach(now);
        right.session.receive(bytes, now);
        while (right.session.pollTransmit(now) !== undefined);
        right.session.detach(now);
      },
      check() {
        if (right.requests.length > 1) throw new Error("a channel that nobody opened");
      },
    };
  },
};

/** What a session sends that opens a channel and writes. */
function flight(): Uint8Array {
  const { left } = new SessionPair();
  left.session.attach(0);
  left.session.open("fuzz").write(new Uint8Array(100)).catch(() => {});
  return left.drain(0);
}

/** Datagrams on the path of a session's first moments: they end up at the session, too. */
const earlyPath: FuzzTarget = {
  name: "early path",
  samples: earlyDatagrams(),
  start() {
    const { right } = new SessionPair();
    const buffer = new Uint8Array(2_000);
    let now = 0;
    return {
      async take(bytes) {
        now += STEP_MS;
        if (!isEarlyDatagram(bytes)) return;
        const early = new EarlyPipe(PATH, () => {});
        right.session.attach(now);
        early.take(bytes);
        if (bytes[1] === 0) {
          const count = await early.read(buffer);
          right.session.receive(buffer.subarray(0, count!), now);
        }
        await early.abort();
        right.session.detach(now);
        if (right.session.isClosed) throw new Error("a datagram ends a session");
      },
      check() {
        if (right.requests.length > 1) throw new Error("a channel that nobody opened");
      },
    };
  },
};

function earlyDatagrams(): Uint8Array[] {
  const sent: Uint8Array[] = [];
  const early = new EarlyPipe(PATH, (datagram) => sent.push(datagram));
  early.open();
  // Nothing is waited for: the path is open.
  early.write(flight()).catch(() => {});
  early.write(new Uint8Array(3_000)).catch(() => {});
  return sent;
}

const key = (fill: number) => new Uint8Array(32).fill(fill);
const THEIRS = { send: key(1), receive: key(2), handshakeHash: key(3) };
const OURS = { send: key(2), receive: key(1), handshakeHash: key(3) };

/** Sealed datagrams beside a session: what is not the peer's, or came before, is nothing. */
const datagrams: FuzzTarget = (() => {
  const sealer = new DatagramSealer(THEIRS);
  const samples = [0, 1, 2].map((port) => sealer.seal(port, new Uint8Array(40))!);
  return {
    name: "session datagrams",
    samples,
    start() {
      const opener = new DatagramOpener(OURS), left = new Set(samples.map(bytesToHex));
      return {
        take(bytes) {
          const opened = opener.open(bytes);
          if (opened !== undefined && !left.delete(bytesToHex(bytes))) {
            throw new Error("a datagram that the peer did not send, or sent once");
          }
        },
      };
    },
  };
})();

/** A session's pipe, its first path, and its datagrams. */
export const SESSION_PATHS: readonly FuzzTarget[] = [pipe, earlyPath, datagrams];
