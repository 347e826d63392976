import assert from "node:assert/strict";
import { run } from "./command.ts";
import { labTest } from "./lab.ts";

labTest("two dnc on one link find each other by multicast, with no bootstrap node", async (lab) => {
  await run("ip", "-n", lab.namespace.name, "link", "set", "lo", "multicast", "on");
  const listener = await lab.dnc(["-l"]);
  const id = await listener.listening();
  const dialler = await lab.dnc([id, "--timeout", "15s"]);
  const outputs = [listener.finish("from the listener"), dialler.finish("from the dialler")];
  assert.deepEqual(await Promise.all(outputs), ["from the dialler", "from the listener"]);
  assert.deepEqual((await Promise.all([listener.exit(), dialler.exit()])).map(({ code }) => code), [
    0,
    0,
  ]);
  await lab.nothingLeft();
});

labTest("with --no-discovery they do not, and say what is missing", async (lab) => {
  const listener = await lab.dnc(["-l", "--no-discovery"]);
  const id = await listener.listening();
  const dialler = await lab.dnc([id, "--no-discovery", "--timeout", "1s"]);
  assert.equal(await dialler.finish("lost"), "");
  assert.equal((await dialler.exit()).code, 1);
  assert.match(
    dialler.log,
    /^dnc: no DHT node could be reached: no bootstrap node was given; discovery is off\n$/,
  );
  listener.kill("SIGTERM");
  assert.equal(await listener.finish(), "");
  assert.equal((await listener.exit()).code, 143);
  await lab.nothingLeft();
});
