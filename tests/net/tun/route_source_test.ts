import assert from "node:assert/strict";
import { tunLibc } from "../../../lib/net/tun/libc.ts";
import { routeSource } from "../../../lib/net/tun/route_source.ts";
import { readSocketAddress, socketAddressBytes } from "../../../lib/net/tun/socket_address.ts";

Deno.test("route source: the kernel's own choice, and none where there is no way", {
  ignore: Deno.build.os !== "linux",
}, () => {
  assert.equal(routeSource(tunLibc(), "127.0.0.9"), "127.0.0.1");
  // A datagram socket may not be connected to everybody.
  assert.equal(routeSource(tunLibc(), "255.255.255.255"), undefined);
});

Deno.test("socket address: read as it was written, in both families", () => {
  for (const address of [{ ip: "192.0.2.7", port: 65_535 }, { ip: "2001:db8::7", port: 1 }]) {
    assert.deepEqual(readSocketAddress(socketAddressBytes(address)), address);
  }
});
