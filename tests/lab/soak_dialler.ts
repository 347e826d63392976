/**
 * Calls a peer's echo service many times, each time as a new endpoint with sessions of its own, and
 * writes how many came through: `soak_dialler.ts ID BOOTSTRAP COUNT CONFIGURATION_DIRECTORY`. A call that
 * fails is repeated, as a person would on a busy machine: what is looked for is what calls leave behind.
 *
 * @module
 */
import { loadIdentity } from "../../lib/identity/mod.ts";
import { Endpoint } from "../../mod.ts";

const [id, bootstrap, count, directory] = Deno.args as [string, string, string, string];
/** Sessions of one endpoint, and channels of one session. */
const SESSIONS = 5;
const CHANNELS = 10;

const identity = await loadIdentity(`${directory}/certificate.crt`, `${directory}/certificate.pem`);
const hello = new TextEncoder().encode("hello");
let done = 0, failed = 0;
while (done < Number(count) && failed < Number(count)) {
  await using endpoint = await Endpoint.start({
    identity,
    bootstrap: [bootstrap],
    discovery: false,
    portMapping: false,
  });
  for (let n = 0; n < SESSIONS; n++) {
    try {
      for (let channel = 0; channel < CHANNELS; channel++) await echo(endpoint);
      done++;
    } catch (error) {
      failed++;
      console.error(String(error));
    }
    await endpoint.disconnect(id);
  }
}
console.log(`${done} done, ${failed} failed`);

async function echo(endpoint: Endpoint): Promise<void> {
  const channel = await endpoint.connect(id, "nc://127.0.0.1:7", { timeoutMs: 20_000 });
  await channel.write(hello);
  const into = new Uint8Array(hello.length);
  for (let at = 0; at < into.length;) {
    const read = await channel.read(into.subarray(at));
    if (read === null) throw new Error("an end before the echo");
    at += read;
  }
  channel.close();
  await channel.closed;
}
