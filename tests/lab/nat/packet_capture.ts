/**
 * Writes every IP packet of a network namespace to a pcap file, until SIGTERM:
 * `packet_capture.ts FILE`.
 *
 * @module
 */
import { PacketDescriptor } from "./libc.ts";

const RECEIVE_BUFFER_BYTES = 64 * 1024 * 1024;
const IDLE_MS = 100;
const PCAP_MAGIC = 0xa1b2c3d4;
/** LINKTYPE_RAW: packets begin with their IP header. */
const LINKTYPE_RAW = 101;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

function fileHeader(): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
  view.setUint32(0, PCAP_MAGIC, true);
  view.setUint16(4, 2, true); // version 2.4
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true); // longest packet
  view.setUint32(20, LINKTYPE_RAW, true);
  return new Uint8Array(view.buffer);
}

function record(packet: Uint8Array, atMs: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + packet.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(atMs / 1000), true);
  view.setUint32(4, Math.floor(atMs % 1000 * 1000), true); // microseconds
  view.setUint32(8, packet.length, true);
  view.setUint32(12, packet.length, true);
  bytes.set(packet, RECORD_HEADER_BYTES);
  return bytes;
}

/** One packet of a capture. */
export interface CapturedPacket {
  /** Unix time in milliseconds. */
  readonly atMs: number;
  /** From its IP header on. */
  readonly bytes: Uint8Array;
}

/** The IP packets of a pcap file as this module writes it. */
export function readPackets(file: string): CapturedPacket[] {
  const bytes = Deno.readFileSync(file);
  const view = new DataView(bytes.buffer);
  const packets: CapturedPacket[] = [];
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at + 8, true);
    const atMs = view.getUint32(at, true) * 1000 + view.getUint32(at + 4, true) / 1000;
    at += RECORD_HEADER_BYTES;
    packets.push({ atMs, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return packets;
}

async function capture(file: string): Promise<void> {
  const source = PacketDescriptor.capture(RECEIVE_BUFFER_BYTES);
  const output = Deno.openSync(file, { write: true, create: true, truncate: true });
  const write = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
  };
  let stopping = false;
  Deno.addSignalListener("SIGTERM", () => stopping = true);
  write(fileHeader());
  console.log("ready");
  while (!stopping) {
    await source.readable(IDLE_MS);
    for (let packet = source.read(); packet !== undefined; packet = source.read()) {
      const version = packet[0]! >> 4;
      if (version === 4 || version === 6) {
        write(record(packet, performance.timeOrigin + performance.now()));
      }
    }
  }
  output.close();
  Deno.exit();
}

if (import.meta.main) await capture(Deno.args[0]!);
