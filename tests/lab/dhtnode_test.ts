import assert from "node:assert/strict";
import { eventually, run } from "./command.ts";
import { type Lab, labTest } from "./lab.ts";

const OURS = "127.0.0.1:4001";
const KEY = "5a".repeat(20);
/** A value that needs three datagrams. */
const LARGE = Array.from({ length: 2_500 }, (_, n) => (n % 36).toString(36)).join("");
/** OpenDHT keeps values of its type 0 for ten minutes. */
const VALUE_LIFE_S = 600;

/** From now on these two ports reach each other through nobody but a third one. */
async function separate(lab: Lab, ...ports: [number, number]): Promise<void> {
  const nft = (...args: string[]) => run(...lab.namespace.inside("nft", ...args));
  const set = `{ ${ports.join(", ")} }`;
  await nft("add table inet lab");
  await nft("add chain inet lab input { type filter hook input priority 0; }");
  await nft(`add rule inet lab input udp sport ${set} udp dport ${set} drop`);
}

labTest("two dhtnodes that reach only our node: put, get, listen, no more", async (lab) => {
  await separate(lab, 4002, 4003);
  await lab.ownNode(4001);
  const putting = await lab.dhtnode(4002, OURS);
  const reading = await lab.dhtnode(4003, OURS);
  const token = await reading.listen(KEY);
  const heard = (text: string) => () => reading.output.includes(`"${text}"`);
  await putting.put(KEY, "small");
  await eventually("the small value is pushed", heard("small"));
  await putting.put(KEY, LARGE);
  await eventually("the large value is pushed", heard(LARGE));

  await reading.cancelListen(KEY, token);
  await putting.put(KEY, "unheard");
  const values = await reading.get(KEY);
  for (const text of ["small", LARGE, "unheard"]) {
    assert.ok(values.includes(`"${text}"`), `no ${text.slice(0, 20)} in ${values}`);
  }
});

labTest("our node alone keeps what a dhtnode that is gone had put, for its time", async (lab) => {
  const ours = await lab.ownNode(4001);
  {
    await using gone = await lab.dhtnode(4002, OURS);
    await gone.put(KEY, "outlives");
    await gone.put(KEY, LARGE);
  }
  const listening = await lab.dhtnode(4003, OURS);
  await listening.listen(KEY);
  {
    await using fresh = await lab.dhtnode(4004, OURS);
    const values = await fresh.get(KEY);
    assert.ok(values.includes('"outlives"') && values.includes(`"${LARGE}"`), values);
  }
  await eventually(
    "what is stored is told to a listener",
    () => listening.output.includes('"outlives"') && listening.output.includes(`"${LARGE}"`),
  );
  await ours.type(`age ${VALUE_LIFE_S + 60}`);
  await ours.shows(/aged/);
  const late = await lab.dhtnode(4005, OURS);
  await eventually(
    "the listener is told that both have expired",
    () => listening.output.split("found 1 values expired").length === 3,
  );
  assert.doesNotMatch(await late.get(KEY), /outlives/);
});

labTest("our node gets what a dhtnode alone has kept", async (lab) => {
  const first = await lab.ownNode(4001);
  const stock = await lab.dhtnode(4002, OURS);
  await stock.put(KEY, "kept");
  await stock.put(KEY, LARGE);
  await first[Symbol.asyncDispose]();
  const second = await lab.ownNode(4003, "127.0.0.1:4002");
  await eventually("both values are found", async () => {
    await second.type(`g ${KEY}`);
    await second.shows(/got all/);
    return second.stdout.includes('"kept"') && second.stdout.includes(`"${LARGE}"`);
  });
});
