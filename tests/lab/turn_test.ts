/**
 * Our TURN client against Debian's coturn: `deno test -A tests/lab/turn_test.ts`. Needs root, and
 * the packages coturn, iproute2 and openssl.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Coturn, PEERS, SECOND, SERVER, turnTest } from "./coturn.ts";
import { eventually } from "./command.ts";

/** Short lifetimes, seconds. */
const SHORT = ["--max-allocate-lifetime=6", "--permission-lifetime=4", "--channel-lifetime=5"];

/** Every session that began has ended because the client said so. */
async function givenBack(server: Coturn, sessions: number): Promise<void> {
  const count = (pattern: RegExp) => [...server.log.matchAll(pattern)].length;
  await eventually(
    "all allocations are given back",
    () =>
      count(/ALLOCATE processed, success/g) >= sessions &&
      count(/refreshed, realm=<[^>]*>, username=<[^>]*>, lifetime=0/g) >= sessions,
    5_000,
  );
}

turnTest("over UDP, IPv4 and IPv6 on both sides", async (lab) => {
  const server = await lab.coturn();
  await lab.scenario("udp");
  await givenBack(server, 4);
});

turnTest("over TCP", async (lab) => {
  const server = await lab.coturn();
  await lab.scenario("tcp");
  await givenBack(server, 2);
});

turnTest("over TLS, the certificate checked", async (lab) => {
  const server = await lab.coturn();
  await lab.scenario("tls");
  await givenBack(server, 3);
  await lab.scenario("tls-refused");
});

turnTest("a name with addresses of both families, and interfaces to keep to", async (lab) => {
  await lab.coturn();
  await lab.scenario("name");
});

turnTest("401: bad credentials, or none, or another realm", async (lab) => {
  await lab.coturn();
  await lab.scenario("bad-credentials");
});

turnTest("486: quota", async (lab) => {
  await lab.coturn(["--user-quota=1"]);
  await lab.scenario("quota");
});

turnTest("437: allocation mismatch", async (lab) => {
  await lab.coturn();
  await lab.scenario("mismatch");
});

turnTest("438: stale nonces are renewed", async (lab) => {
  const server = await lab.coturn(["--stale-nonce=1", "--max-allocate-lifetime=4"]);
  await lab.scenario("stale-nonce");
  assert.match(server.log, /438/);
});

turnTest("440: a family that the server lacks", async (lab) => {
  await lab.coturn([`--relay-ip=${SERVER.ip4}`]);
  await lab.scenario("family");
});

turnTest("403: a forbidden peer", async (lab) => {
  await lab.coturn([`--denied-peer-ip=${PEERS.ip4}`]);
  await lab.scenario("forbidden");
});

turnTest("allocation, permissions and channels are refreshed in time", async (lab) => {
  await lab.coturn(SHORT);
  await lab.scenario("refresh");
});

turnTest("without a refresh permissions expire", async (lab) => {
  await lab.coturn(SHORT);
  await lab.scenario("expiry");
});

turnTest("300: another server", async (lab) => {
  await lab.coturn([`--alternate-server=${SECOND.ip4}:3478`]);
  await lab.coturn([], SECOND);
  await lab.scenario("redirect");
});

turnTest("300: two servers that point to each other", async (lab) => {
  await lab.coturn([`--alternate-server=${SECOND.ip4}:3478`]);
  await lab.coturn([`--alternate-server=${SERVER.ip4}:3478`], SECOND);
  await lab.scenario("redirect-loop");
});

turnTest("UDP blocked: TCP takes over", async (lab) => {
  await lab.coturn(["--no-udp"]);
  await lab.scenario("udp-blocked");
});

turnTest("several servers with fail-over", async (lab) => {
  await lab.coturn();
  await lab.scenario("fail-over");
});

turnTest("RFC 6062: TCP connections, both ways", async (lab) => {
  await lab.coturn();
  await lab.scenario("tcp-relay");
});

turnTest("the server dies: the connection is lost", async (lab) => {
  const server = await lab.coturn();
  await lab.scenario("lost-connection", () => server.stop());
});

turnTest("the server is restarted: the allocation is lost, the next one works", async (lab) => {
  const server = await lab.coturn();
  await lab.scenario("restart", async () => {
    await server.stop();
    await server.start();
  });
});

turnTest("bulk through channels", async (lab) => {
  await lab.coturn();
  await lab.scenario("bulk");
});
