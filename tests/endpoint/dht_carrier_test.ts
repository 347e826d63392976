import assert from "node:assert/strict";
import type { DhtValue } from "../../lib/dht/mod.ts";
import { DhtCarrier } from "../../lib/endpoint/dht_carrier.ts";
import { DhtService } from "../../lib/endpoint/dht_service.ts";
import { answerKey, inboxKey, MAX_SEALED_BYTES } from "../../lib/endpoint/signalling/mod.ts";
import { random } from "../../lib/net/mod.ts";

const ID = "cd".repeat(32);

function freshNetworkId(): number {
  return new DataView(random(4).buffer).getUint32(0) || 1;
}

/** Nodes on loopback that all know the first. */
async function network(size: number, networkId = freshNetworkId()): Promise<DhtService[]> {
  const options = { interfaces: ["lo"], discovery: false, networkId };
  const nodes = [await DhtService.start(options)];
  const { port } = nodes[0]!.status();
  const bootstrap = [`127.0.0.1:${port}`, `[::1]:${port}`];
  while (nodes.length < size) nodes.push(await DhtService.start({ ...options, bootstrap }));
  return nodes;
}

async function close(nodes: DhtService[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.close()));
}

function echo(sealed: Uint8Array, reply: (answer: Uint8Array) => void): void {
  reply(Uint8Array.of(...sealed, 0xee));
}

Deno.test("dht carrier: requests and answers, several at once", async () => {
  const nodes = await network(5);
  const listener = await new DhtCarrier(nodes[1]!).listen(ID, echo);
  const carrier = new DhtCarrier(nodes[4]!);
  const answers = await Promise.all([1, 2, 3].map((n) => carrier.request(ID, Uint8Array.of(n, 9))));
  assert.deepEqual(answers.map((answer) => [...answer]), [1, 2, 3].map((n) => [n, 9, 0xee]));
  await listener.close();
  await close(nodes);
});

Deno.test("dht carrier: a dialer that knows no node yet, and a listener that comes later", async () => {
  const networkId = freshNetworkId();
  const [there] = await network(1, networkId), [here] = await network(1, networkId);
  const request = new DhtCarrier(here!).request(ID, Uint8Array.of(7));
  here!.bootstrap([{ ip: "127.0.0.1", port: there!.status().port }]);
  const listener = await new DhtCarrier(there!).listen(ID, echo);
  assert.deepEqual([...await request], [7, 0xee]);
  await listener.close();
  await close([here!, there!]);
});

Deno.test("dht carrier: forged answers are passed over, however many come first", async () => {
  const nodes = await network(3);
  const sealed = Uint8Array.of(1, 2, 3), key = answerKey(sealed);
  const forge = (n: number) =>
    nodes[2]!.put(key, {
      id: BigInt(1000 + n),
      type: 0,
      userType: "dhtnet",
      data: Uint8Array.of(0xad, n, 0),
    });
  for (let n = 0; n < 200; n++) forge(n);
  const listener = await new DhtCarrier(nodes[1]!).listen(ID, echo);
  const accept = (answer: Uint8Array) => answer.at(-1) === 0xee;
  const answer = await new DhtCarrier(nodes[0]!).request(ID, sealed, { accept });
  assert.deepEqual([...answer], [1, 2, 3, 0xee]);
  await listener.close();
  await close(nodes);
});

Deno.test("dht carrier: only the first reply counts, and only values with our tag", async () => {
  const nodes = await network(3);
  let requests = 0;
  const listener = await new DhtCarrier(nodes[1]!).listen(ID, (_sealed, reply, source) => {
    requests++;
    assert.equal(source, "dht");
    reply(Uint8Array.of(1));
    reply(Uint8Array.of(2));
  });
  const foreign = { id: 5n, type: 0, userType: "other", data: Uint8Array.of(9) };
  const stored = new Promise<number>((onDone) => nodes[2]!.put(inboxKey(ID), foreign, { onDone }));
  await stored;
  assert.deepEqual([...await new DhtCarrier(nodes[2]!).request(ID, Uint8Array.of(3))], [1]);
  assert.equal(requests, 1);
  await listener.close();
  await close(nodes);
});

Deno.test("dht carrier: aborts, and refuses what is too long", async () => {
  const nodes = await network(1);
  const carrier = new DhtCarrier(nodes[0]!);
  const controller = new AbortController();
  const request = carrier.request(ID, Uint8Array.of(1), { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(request, { message: "enough" });
  await assert.rejects(carrier.request(ID, Uint8Array.of(1), { signal: AbortSignal.abort(7) }));
  await assert.rejects(carrier.request(ID, new Uint8Array(MAX_SEALED_BYTES + 1)), {
    code: "oversize",
  });
  const failing = carrier.request(ID, Uint8Array.of(2), {
    accept: () => {
      throw new Error("another device");
    },
  });
  const listener = await carrier.listen(ID, echo);
  await assert.rejects(failing, { message: "another device" });
  await listener.close();
  await close(nodes);
});

Deno.test("dht carrier: a request that got lost on its way is put again, under another id", async () => {
  const puts: DhtValue[] = [];
  let tell: (values: DhtValue[]) => void = () => {};
  const lossy = {
    put(_key: Uint8Array, value: DhtValue) {
      // The first one never arrives.
      if (puts.push(value) === 2) tell([{ ...value, data: Uint8Array.of(7) }]);
      return { cancel() {} };
    },
    listen(_key: Uint8Array, { onValues }: { onValues: typeof tell }) {
      tell = onValues;
      return { cancel() {} };
    },
    get: () => Promise.resolve([]),
  };
  const carrier = new DhtCarrier(lossy as unknown as DhtService);
  assert.deepEqual([...await carrier.request(ID, Uint8Array.of(1, 2))], [7]);
  assert.deepEqual(puts[1]!.data, puts[0]!.data);
  assert.notEqual(puts[1]!.id, puts[0]!.id);
});

Deno.test("dht carrier: an answer that has arrived is looked after no more", async () => {
  let cancelled = 0;
  let tell: (values: DhtValue[]) => void = () => {};
  const quiet = {
    put: () => ({ cancel: () => cancelled++ }),
    listen(_key: Uint8Array, { onValues }: { onValues: typeof tell }) {
      tell = onValues;
      return { cancel() {} };
    },
    status: () => ({ status: "disconnected" }),
  } as unknown as DhtService;
  const arrived = Promise.withResolvers<void>();
  const listener = await new DhtCarrier(quiet).listen(ID, (sealed, reply) => {
    reply(sealed, sealed[0] === 1 ? arrived.promise : undefined);
  });
  tell([1, 2].map((n) => ({ id: BigInt(n), type: 0, userType: "dhtnet", data: Uint8Array.of(n) })));
  assert.equal(cancelled, 0);
  arrived.resolve();
  await arrived.promise;
  await Promise.resolve();
  assert.equal(cancelled, 1);
  await listener.close();
  assert.equal(cancelled, 2, "once each");
});

Deno.test("dht carrier: who begins to listen as the service is closed does not wait for nodes", async () => {
  const nowhere = { interfaces: ["lo"], discovery: false, bootstrap: ["127.0.0.1:9"] };
  const service = await DhtService.start({ ...nowhere, networkId: freshNetworkId() });
  let isWaiting = true;
  const listening = new DhtCarrier(service).listen(ID, echo).finally(() => isWaiting = false);
  await service.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isWaiting, false);
  await (await listening).close();
});
