import assert from "node:assert/strict";
import { watchPath } from "../../cmd/dsh/client/path_watch.ts";
import type { PeerEndpoint } from "../../cmd/peer/peer_channel.ts";

Deno.test("dsh: what the last line says of a lost path goes with the session", async () => {
  const status = () => ({ sessions: [{ peer: { id: "f00" }, path: undefined }] });
  const endpoint = { status } as unknown as PeerEndpoint;
  const said = Promise.withResolvers<void>();
  let shown = "";
  const show = (text: string) => {
    shown += text;
    said.resolve();
  };
  const stop = watchPath(endpoint, "f00", show, () => {});
  await said.promise;
  assert.match(shown, /connection lost/);
  shown = "";
  stop();
  assert.equal(shown, "\x1b7\x1b[999;1H\x1b[2K\x1b8");
});

Deno.test("dsh: where no path was lost, the last line is left alone", () => {
  const endpoint = { status: () => ({ sessions: [] }) } as unknown as PeerEndpoint;
  watchPath(endpoint, "f00", () => assert.fail("shown"), () => {})();
});
