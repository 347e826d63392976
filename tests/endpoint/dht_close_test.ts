import assert from "node:assert/strict";
import { DhtService } from "../../lib/endpoint/dht_service.ts";
import { DhtSockets } from "../../lib/endpoint/dht_sockets.ts";
import { LanDiscoveryDriver } from "../../lib/endpoint/lan_discovery.ts";
import { random } from "../../lib/net/mod.ts";

const options = { interfaces: ["lo"], networkId: new DataView(random(4).buffer).getUint32(0) || 1 };

Deno.test("dht service: a change of network that is under way when it is closed", async () => {
  const { start } = LanDiscoveryDriver, started: Promise<LanDiscoveryDriver>[] = [];
  LanDiscoveryDriver.start = (options) => {
    const driver = start.call(LanDiscoveryDriver, options);
    started.push(driver);
    return driver;
  };
  try {
    const service = await DhtService.start({ ...options, discovery: true });
    const changed = service.networkChanged();
    await Promise.all([changed, service.close()]);
    await service.networkChanged();
    assert.equal(started.length, 1); // nobody would close another one
  } finally {
    LanDiscoveryDriver.start = start;
    await Promise.all(started.map(async (driver) => (await driver).close()));
  }
});

Deno.test("dht sockets: what is bound after they were closed is closed too", async () => {
  const sockets = new DhtSockets([]);
  const bound = sockets.rebind({ port: 0, interfaces: options.interfaces });
  await Promise.all([sockets.close(), bound]);
  assert.deepEqual(sockets.families, []);
  await sockets.rebind({ port: 0, interfaces: options.interfaces });
  assert.deepEqual(sockets.families, []);
});
