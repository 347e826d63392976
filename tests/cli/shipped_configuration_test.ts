import assert from "node:assert/strict";
import { shippedConfiguration } from "../../cmd/dist/shipped_configuration.ts";
import { DNC_OPTIONS } from "../../cmd/dnc/options.ts";
import { DNC_FILE_SETTINGS } from "../../cmd/dnc/settings.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { configure } from "../../cmd/tool/configuration.ts";

const DNC = { name: "dnc", options: DNC_OPTIONS, fileSettings: DNC_FILE_SETTINGS };

async function settingsOf(text: string) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return await configure(DNC, parseCommandLine(DNC_OPTIONS, ["-l", "-d", path]), () => undefined);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("dnc reads the configuration that packages bring", async () => {
  const { values, settings } = await settingsOf(shippedConfiguration());
  assert.equal(values.anonymous, true);
  assert.deepEqual(settings.authorized_services, [
    { service: { kind: "tcp", host: "127.0.0.1", port: 22 }, who: undefined },
  ]);
});

Deno.test("dnc reads the examples in it, too", async () => {
  const text = shippedConfiguration().replaceAll(/^# (?=\w+: \S+$)/gm, "");
  const { values } = await settingsOf(text);
  assert.deepEqual(values.turn_host, ["turn:relay.example.org"]);
  assert.deepEqual(values.crl, ["/etc/dhtnet/ca-server.crl"]);
});

Deno.test("dnc reads a configuration as upstream ships it", async () => {
  const { values, settings } = await settingsOf(`
bootstrap: "bootstrap.sfl.io"
turn_host: "turn.sfl.io"
turn_user: "sfl"
turn_pass: "sfl"
turn_realm: "sfl"
verbose: false
enable_upnp: true
certificate: "/home/me/.dnc/certificate.crt"
privateKey: "/home/me/.dnc/certificate.pem"
ip: "127.0.0.1"
port: 22
anonymous: true
authorized_services:
  - ip: "127.0.0.1"
    port: 22
  # - ip: "127.0.0.1"
  #   port: 80
`);
  assert.deepEqual(
    [values.bootstrap, values.turn_host, values.turn_user, values.turn_realm, values.verbose],
    [["bootstrap.sfl.io"], ["turn:turn.sfl.io"], "sfl", "sfl", 0],
  );
  assert.deepEqual([values["no-upnp"], values.ip, values.port], [false, "127.0.0.1", 22]);
  assert.equal(settings.authorized_services?.length, 1);
});

Deno.test("dnc reads the configuration of the README", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const example = [...readme.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text)
    .find((text) => text!.includes("authorized_services"));
  const id = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  const { values, settings } = await settingsOf(example!.replaceAll(/[0-9a-f]+…[0-9a-f]+/g, id));
  assert.deepEqual([values["allow-peer"], values["drain-timeout"]], [[id], 10_000]);
  assert.equal(settings.authorized_services?.length, 3);
});
