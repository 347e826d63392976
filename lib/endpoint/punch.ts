/**
 * UDP between a NAT whose mappings depend on the destination (symmetric) and one whose mappings do
 * not. Neither side can know the port that the first NAT will use towards the second, so one opens
 * many ports and the other tries many: by the birthday paradox two of them meet soon.
 *
 * ```
 *   many sockets (dependent)                          one port (independent)
 *   s1 ── probe ──▶ NAT :p1 ──▶ mapped address        probe ──▶ :r1, :r2, :r3 … of the other NAT
 *   s2 ── probe ──▶ NAT :p2 ──▶                       r = p: it gets in ──▶ found, both ways
 * ```
 *
 * With n mappings among 64,512 ports, k probes meet one with probability 1 − (1 − n/64512)^k:
 * 256 mappings and 1,500 probes make 99.7 %. The relay carries the data meanwhile.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { bindUdp, type Clock, type UdpSocket } from "../net/mod.ts";
import { ConnectError } from "./errors.ts";
import type { DatagramPort, NatView } from "./datagram_port.ts";
import { sleep } from "./sleep.ts";

/** Sockets that the dependent side opens: a share of the usual limit of 1,024 descriptors. */
const SOCKETS = 256;
/** Ports that the independent side tries. */
const PROBES = 1_500;
/** Probes at once, and ms between: 400 a second, 18 kB/s. */
const BURST = 8;
const BURST_INTERVAL_MS = 20;
/** The sockets probe again so often, ms, which keeps their mappings and meets late openings. */
const REPEAT_MS = 1_000;
/** After the last probe, how often the choice is told, and ms between. */
const CHOICES = 10;
const CHOICE_INTERVAL_MS = 100;
/** The lowest port that NATs give out. */
const FIRST_PORT = 1_024;
const TAG_BYTES = 16;

/** What a side tells the other about its NAT. */
export type PunchView = Pick<NatView, "mapped" | "mapping">;

/** Which part a side plays; none where there is nothing to gain. */
export function punchRole(
  ours: PunchView | undefined,
  theirs: PunchView | undefined,
): "many-sockets" | "many-ports" | undefined {
  if (ours?.mapping === "dependent" && theirs?.mapping === "independent") return "many-sockets";
  if (ours?.mapping === "independent" && theirs?.mapping === "dependent") return "many-ports";
  return undefined;
}

/** What both parts need. */
export interface PunchOptions {
  /** Known to the two sides alone, and new for each attempt. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * The part of the side with the dependent mappings.
 *
 * @param localIp our address towards the peer
 * @param target the peer's mapped address
 * @returns the socket that the peer has met; the others are closed
 * @throws {ConnectError} `unreachable` when the signal fires first
 */
export async function punchFromManySockets(
  localIp: string,
  target: SocketAddress,
  { key, clock, signal }: PunchOptions,
): Promise<UdpSocket> {
  const [probe, choice, consent] = tags(key);
  const met = Promise.withResolvers<UdpSocket>();
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, () => bindUdp({ ip: localIp }).catch(() => undefined)),
  ).then((opened) => opened.filter((socket) => socket !== undefined));
  const give = () => met.reject(notMet());
  signal.addEventListener("abort", give);
  try {
    for (const socket of sockets) {
      socket.onDatagram = (bytes, from) => {
        if (!equalSocketAddress(from, target)) return;
        if (isTag(bytes, probe)) socket.send(probe, target);
        if (!isTag(bytes, choice)) return;
        for (let i = 0; i < 3; i++) socket.send(consent, target);
        met.resolve(socket);
      };
    }
    const over = new AbortController();
    met.promise.then(() => over.abort(), () => over.abort());
    while (!over.signal.aborted && !signal.aborted) {
      for (const socket of sockets) socket.send(probe, target);
      await sleep(clock, REPEAT_MS, AbortSignal.any([over.signal, signal]));
    }
    if (signal.aborted) give();
    return await met.promise;
  } finally {
    signal.removeEventListener("abort", give);
    const chosen = await met.promise.catch(() => undefined);
    await Promise.all(sockets.map((socket) => socket === chosen ? undefined : socket.close()));
  }
}

/**
 * The part of the side with the independent mapping.
 *
 * @param ip the address of the peer's NAT
 * @returns the peer's address that answered
 * @throws {ConnectError} `unreachable` when all ports are tried in vain, or the signal fires
 */
export async function punchToManyPorts(
  port: DatagramPort,
  ip: string,
  { key, clock, random, signal }: PunchOptions,
): Promise<SocketAddress> {
  const [probe, choice, consent] = tags(key);
  let met: SocketAddress | undefined;
  const over = new AbortController();
  const ended = AbortSignal.any([over.signal, signal]);
  port.onDatagram = (bytes, from) => {
    if (from.ip !== ip) return;
    if (isTag(bytes, probe)) {
      met ??= from; // several may meet: this side chooses
      if (equalSocketAddress(met, from)) port.send(choice, from);
    } else if (isTag(bytes, consent) && met !== undefined && equalSocketAddress(met, from)) {
      over.abort();
    }
  };
  const ports = shuffledPorts(random);
  for (let i = 0; i < PROBES && met === undefined && !ended.aborted; i += BURST) {
    for (const candidate of ports.subarray(i, i + BURST)) port.send(probe, { ip, port: candidate });
    await sleep(clock, BURST_INTERVAL_MS, ended);
  }
  for (let i = 0; i < CHOICES && !ended.aborted; i++) {
    if (met !== undefined) port.send(choice, met);
    await sleep(clock, CHOICE_INTERVAL_MS, ended);
  }
  if (met === undefined || !over.signal.aborted) throw notMet();
  return met;
}

/** PROBES different ports in random order. */
function shuffledPorts(random: (length: number) => Uint8Array): Uint16Array {
  const chosen = new Set<number>();
  while (chosen.size < PROBES) {
    const draws = new DataView(random(2 * PROBES).buffer);
    for (let i = 0; i < PROBES && chosen.size < PROBES; i++) {
      const port = draws.getUint16(2 * i);
      if (port >= FIRST_PORT) chosen.add(port);
    }
  }
  return Uint16Array.from(chosen);
}

/** What is sent: a probe, the choice of one that met, and the consent to that choice. */
function tags(key: Uint8Array): [probe: Uint8Array, choice: Uint8Array, consent: Uint8Array] {
  const tag = (label: string) => {
    const digest = createHmac("sha256", key).update(`dhtnet punch v1 ${label}`).digest();
    return Uint8Array.from(digest.subarray(0, TAG_BYTES));
  };
  return [tag("probe"), tag("choice"), tag("consent")];
}

function isTag(bytes: Uint8Array, expected: Uint8Array): boolean {
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}

function notMet(): ConnectError {
  return new ConnectError("unreachable", "the two NATs did not meet");
}
