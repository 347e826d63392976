import assert from "node:assert/strict";
import { incomingConnections } from "../../lib/net/mod.ts";

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
