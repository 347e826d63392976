import { type Clock, type UdpSocket } from "../../net/mod.ts";
import type { BindingProbes } from "./binding_probes.ts";

/**
 * Runs Binding requests on a socket until they have done their work, and closes the socket.
 *
 * @param socket bound; it belongs to this function
 * @param done whether enough is known; asked after each step
 * @param signal ends the work early
 */
export async function runProbes(
  socket: UdpSocket,
  probes: BindingProbes,
  done: () => boolean,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const finished = Promise.withResolvers<void>();
  let timer = { cancel: () => {} };
  const step = (action: (now: number) => void) => {
    action(clock.now());
    for (let out = probes.pollTransmit(); out; out = probes.pollTransmit()) {
      socket.send(out.bytes, out.to);
    }
    timer.cancel();
    const due = probes.pollTimeout();
    if (due === undefined || done()) return finished.resolve();
    timer = clock.setTimer(due, () => step((now) => probes.handleTimeout(now)));
  };
  const abort = () => finished.resolve();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  socket.onDatagram = (bytes, from) => step((now) => probes.handleDatagram(bytes, from, now));
  try {
    step(() => {});
    await finished.promise;
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", abort);
    socket.onDatagram = () => {};
    await socket.close();
  }
}
