import assert from "node:assert/strict";
import { incomingConnections, listenTcp, type Pipe } from "../../lib/net/mod.ts";

Deno.test("incoming connections: who has no descriptor for one asks again", async () => {
  const answers: (string | Error)[] = [
    "first",
    new Error("Too many open files (os error 24)"),
    new Deno.errors.ConnectionAborted("reset while in the queue"),
    "second",
    new Deno.errors.BadResource("Listener has been closed"),
    "never",
  ];
  const listener = {
    accept() {
      const answer = answers.shift()!;
      return typeof answer === "string" ? Promise.resolve(answer) : Promise.reject(answer);
    },
  };
  const connections = [];
  for await (const connection of incomingConnections(listener)) connections.push(connection);
  assert.deepEqual(connections, ["first", "second"]);
  assert.deepEqual(answers, ["never"]);
});

Deno.test("incoming connections: they end with the listener, also while it waits", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const next = incomingConnections(listener).next();
  listener.close();
  assert.deepEqual(await next, { value: undefined, done: true });
});

Deno.test("a TCP listener goes on when a connection was reset before it could be set up", async () => {
  const arrived = Promise.withResolvers<Pipe>();
  const listener = listenTcp({ ip: "127.0.0.1", onPipe: arrived.resolve });
  const address = { hostname: "127.0.0.1", port: listener.local.port };
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [dialled, accepted] = await Promise.all([
    Deno.connect({ ...address, port: probe.addr.port }),
    probe.accept(),
  ]);
  const { prototype } = accepted.constructor, { setNoDelay } = prototype;
  for (const one of [dialled, accepted, probe]) one.close();
  prototype.setNoDelay = () => {
    prototype.setNoDelay = setNoDelay;
    throw new Error("Invalid argument (os error 22)");
  };
  try {
    using _first = await Deno.connect(address);
    using _second = await Deno.connect(address);
    await (await arrived.promise).abort();
  } finally {
    prototype.setNoDelay = setNoDelay;
    await listener.close();
  }
});
