import { askStatus, statusNames } from "../../peer/status_socket.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { formatBytes, jsonLine, writeOutput } from "../../tool/output.ts";
import type { PeerReport, StatusReport } from "../status.ts";

/**
 * `dvpn --status`: shows what this user's networks are doing.
 *
 * @param device the interface of the one to show; undefined: all
 * @param json one object a line
 * @returns the exit code
 * @throws {ToolError} when none is running, or one does not answer
 */
export async function showStatus(device: string | undefined, json: boolean): Promise<number> {
  const devices = device === undefined ? statusNames("dvpn") : [device];
  let shown = 0;
  for (const one of devices) {
    const report = await askStatus<StatusReport>("dvpn", one);
    if (report === undefined) continue;
    shown++;
    writeOutput(json ? jsonLine(report) : describe(report));
  }
  if (shown > 0) return ExitCode.ok;
  const which = device === undefined ? "no dvpn of this user is running" : `no dvpn has ${device}`;
  throw new ToolError(ExitCode.failure, which);
}

/** The report for people. */
export function describe(report: StatusReport): string {
  const { role, device, mtu, addresses, peers, id, unreachable } = report;
  const own = addresses.length > 0 ? addresses.join(", ") : "not connected";
  const lost = unreachable === 0 ? "" : `  ${unreachable} packets for peers that were not there\n`;
  const head = `${device}: ${role}, ${own}, MTU ${mtu}\n  id ${id}\n${lost}`;
  return head + peers.map(describePeer).join("");
}

function describePeer(peer: PeerReport): string {
  const { path, roundTripMs, sent, received, drops } = peer;
  const way = path === null
    ? "no path"
    : `${path.relayed ? "relayed " : ""}${path.kind} ${path.local} to ${path.remote}`;
  const trip = roundTripMs === null ? "" : `, round trip ${roundTripMs.toFixed(1)} ms`;
  const dropped = Object.entries(drops).filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return [
    `  peer ${peer.id}`,
    `    ${peer.addresses.join(", ")} since ${peer.since}`,
    `    ${way}${trip}`,
    `    sent ${formatBytes(sent.bytes)}, received ${formatBytes(received.bytes)}; ` +
    `dropped ${dropped.length > 0 ? dropped.join(", ") : "none"}`,
    "",
  ].join("\n");
}
