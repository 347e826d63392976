/**
 * Our ICE agent over UDP, in a process of its own: `ice_peer.ts IP... {"controlling":true}`, the
 * JSON with a `tieBreaker`, in decimal, if it is not to be drawn. It binds a port at each address.
 *
 * On standard output it says, one JSON object a line, its `description`; that a pair is `nominated`
 * and who is `controlling`; and the `echo` of the datagram that it sends then. On standard input it
 * takes the peer's description, and then `close`. It echoes what the peer sends.
 *
 * @module
 */
import { type Candidate, IceAgent, type IceCredentials } from "../../lib/ice/mod.ts";
import { formatSocketAddress } from "../../lib/ip/mod.ts";
import { bindUdp, random, systemClock, type Timer, type UdpSocket } from "../../lib/net/mod.ts";
import { isStun } from "../../lib/stun/mod.ts";

/** What the two peers tell each other. */
type Description = IceCredentials & { candidates: Candidate[] };

const addresses = Deno.args.slice(0, -1);
const { controlling, tieBreaker } = JSON.parse(Deno.args.at(-1)!);
const agent = new IceAgent({
  controlling,
  ...(tieBreaker === undefined ? {} : { tieBreaker: BigInt(tieBreaker) }),
  random,
  now: systemClock.now(),
});
const sockets = new Map<string, UdpSocket>();
let timer: Timer | undefined;

function say(message: Record<string, unknown>): void {
  console.log(JSON.stringify(message));
}

function transmit(): void {
  for (let out = agent.pollTransmit(); out; out = agent.pollTransmit()) {
    sockets.get(formatSocketAddress(out.path.local))?.send(out.bytes, out.path.remote);
  }
}

/** After every input: does what is due, sends, follows events, arms the timer for the rest. */
function turn(): void {
  const now = systemClock.now();
  if ((agent.pollTimeout() ?? Infinity) <= now) agent.handleTimeout(now);
  transmit();
  for (let event = agent.pollEvent(); event; event = agent.pollEvent()) {
    transmit();
    if (event.type === "failed") say({ failed: event.reason, pairs: event.pairs });
    if (event.type !== "nominated") continue;
    say({ nominated: true, controlling: agent.controlling });
    const { local, remote } = event.path;
    sockets.get(formatSocketAddress(local))!.send(new TextEncoder().encode("dhtnet"), remote);
  }
  timer?.cancel();
  const due = agent.pollTimeout();
  timer = due === undefined ? undefined : systemClock.setTimer(due, turn);
}

for (const ip of addresses) {
  const socket = await bindUdp({ ip });
  const { local } = socket;
  sockets.set(formatSocketAddress(local), socket);
  agent.addLocalCandidate({ transport: "udp", type: "host", address: local });
  socket.onDatagram = (bytes, remote) => {
    if (isStun(bytes)) {
      agent.handlePacket(bytes, { transport: "udp", local, remote }, systemClock.now());
      return turn();
    }
    const text = new TextDecoder().decode(bytes);
    if (text.startsWith("echo of ")) return say({ echo: text });
    socket.send(new TextEncoder().encode(`echo of ${text}`), remote);
  };
}
agent.endOfLocalCandidates();
say({ description: { ...agent.local, candidates: agent.localCandidates() } });

for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  if (text.trim() === "close") break;
  const remote: Description = JSON.parse(text);
  agent.setRemote(remote);
  for (const candidate of remote.candidates) agent.addRemoteCandidate(candidate);
  agent.endOfRemoteCandidates();
  turn();
}
timer?.cancel();
await Promise.all([...sockets.values()].map((socket) => socket.close()));
