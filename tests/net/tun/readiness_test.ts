import assert from "node:assert/strict";
import { socketAddressBytes, UdpDescriptor } from "../../../lib/net/tun/mod.ts";

const IP = "127.0.0.1";
const LINUX = { ignore: Deno.build.os !== "linux" };

/** Sends back what comes, on the spot, until it is closed. */
async function echo(socket: UdpDescriptor): Promise<void> {
  const buffer = new Uint8Array(64);
  let isOpen = true;
  while (isOpen) {
    isOpen = false;
    await socket.readable(() => {
      for (let got = socket.receive(buffer); got; got = socket.receive(buffer)) {
        isOpen = got.length > 0;
        if (isOpen) socket.send(buffer.slice(0, got.length), got.from);
      }
      return isOpen;
    });
  }
}

/** Asks so often, and has the answers counted on the spot. */
async function ask(socket: UdpDescriptor, port: number, times: number): Promise<number> {
  const to = socketAddressBytes({ ip: IP, port });
  const buffer = new Uint8Array(64);
  let answers = 0;
  socket.send(Uint8Array.of(1), to);
  await socket.readable(() => {
    while (socket.receive(buffer) !== undefined) {
      answers++;
      if (answers < times) socket.send(Uint8Array.of(1), to);
    }
    return answers < times;
  });
  return answers;
}

Deno.test("readiness: answers on the spot, and everything else has its turn", LINUX, async () => {
  const [asking, answering] = [UdpDescriptor.open(IP), UdpDescriptor.open(IP)];
  const echoing = echo(answering);
  // Beside it: sockets of the runtime, timers, threads of its pool.
  using listener = Deno.listen({ hostname: IP, port: 0 });
  const accepted = listener.accept();
  using near = await Deno.connect({ hostname: IP, port: listener.addr.port });
  using far = await accepted;
  let rounds = 0;
  const others = async () => {
    const buffer = new Uint8Array(8);
    for (; rounds < 20; rounds++) {
      await near.write(Uint8Array.of(rounds));
      await far.read(buffer);
      await new Promise((resolve) => setTimeout(resolve, 1));
      await Deno.stat("/");
    }
  };
  const [answers] = await Promise.all([ask(asking, answering.local.port, 2_000), others()]);
  assert.equal(answers, 2_000);
  assert.equal(rounds, 20);
  asking.close();
  answering.close();
  await echoing;
});

Deno.test(
  "readiness: a wait ends when its descriptor is closed, in either way of waiting",
  LINUX,
  async () => {
    const aside = UdpDescriptor.open(IP);
    const waiting = aside.readable();
    aside.close();
    await waiting;
    const [asking, answering] = [UdpDescriptor.open(IP), UdpDescriptor.open(IP)];
    const echoing = echo(answering);
    await ask(asking, answering.local.port, 10);
    setTimeout(() => answering.close(), 5);
    await echoing;
    asking.close();
  },
);

Deno.test("readiness: what goes wrong on the spot is told to whoever waits", LINUX, async () => {
  const [asking, answering] = [UdpDescriptor.open(IP), UdpDescriptor.open(IP)];
  const waiting = answering.readable(() => {
    throw new RangeError("on the spot");
  });
  asking.send(Uint8Array.of(1), socketAddressBytes({ ip: IP, port: answering.local.port }));
  await assert.rejects(waiting, { name: "RangeError" });
  asking.close();
  answering.close();
});
