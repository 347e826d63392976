/**
 * Calls a peer with an identity that nobody has looked at before, which `dnc` would not do, and
 * writes how that ended: `careless_caller.ts ID CERTIFICATE KEY`.
 *
 * @module
 */
import { loadIdentity } from "../../lib/identity/mod.ts";
import { ConnectError, Endpoint } from "../../mod.ts";

const [id, certificate, key] = Deno.args as [string, string, string];
await using endpoint = await Endpoint.start({
  identity: await loadIdentity(certificate, key),
  interfaces: ["lo"],
});
try {
  await endpoint.connect(id, "nc://", { timeoutMs: 5_000 });
  console.log("connected");
} catch (error) {
  if (!(error instanceof ConnectError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
