import { createIdentity, type Identity, IdentityError } from "../identity/mod.ts";
import { hasQuic } from "../net/mod.ts";
import { parseHostPort } from "./bootstrap_names.ts";
import { ConnectError } from "./errors.ts";
import type { EndpointOptions } from "./options.ts";
import type { TurnServer } from "./relay/mod.ts";

/**
 * Refuses what cannot be meant while nothing has been opened yet: later it would be a peer that does
 * not answer, or a socket that nobody closes.
 *
 * @throws {TypeError} a text or a choice that is none
 * @throws {RangeError} a number out of its range
 * @throws {IdentityError} `invalid-key`; `mismatch` when key, id and certificate are not one device's
 * @throws {ConnectError} `transport` when QUIC is demanded and cannot be had
 */
export function checkOptions(options: EndpointOptions): void {
  checkIdentity(options.identity);
  const { transport = "auto", bootstrap = [], stun = [], turn = [] } = options;
  checkChoice("transport", transport, ["auto", "tcp", "quic"]);
  if (transport === "quic" && !hasQuic()) {
    throw new ConnectError("transport", "QUIC needs Deno's --unstable-net; add the flag");
  }
  if (options.interfaces?.length === 0) {
    throw new TypeError("interfaces names none; leave it out to use all");
  }
  checkWhole("port", options.port, 0, 65_535);
  checkWhole("networkId", options.networkId, 0, 2 ** 32 - 1);
  checkWhole("maxPendingPeers", options.maxPendingPeers, 0, Infinity);
  checkWhole("maxSessions", options.maxSessions, 0, Infinity);
  for (const text of [...bootstrap, ...stun]) parseHostPort(text);
  turn.forEach(checkServer);
}

function checkIdentity({ id, secretKey, chain }: Identity): void {
  const own = createIdentity(secretKey, chain);
  if (own.id !== id) throw new IdentityError("mismatch", `${id} is not the id of the private key`);
}

function checkServer({ host, port, transport = "udp" }: TurnServer): void {
  if (parseHostPort(host).host !== host) {
    throw new TypeError(`not the host of a TURN server: ${JSON.stringify(host)}`);
  }
  checkWhole("the port of a TURN server", port, 1, 65_535);
  checkChoice("the transport of a TURN server", transport, ["udp", "tcp", "tls"]);
}

function checkChoice(what: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new TypeError(`${what} is one of ${choices.join(", ")}, not ${JSON.stringify(value)}`);
}

function checkWhole(what: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined) return;
  const isWhole = Number.isInteger(value) || value === Infinity;
  if (isWhole && value >= least && value <= most) return;
  const range = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
  throw new RangeError(`${what} is a whole number ${range}, not ${value}`);
}
