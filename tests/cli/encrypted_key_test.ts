import assert from "node:assert/strict";
import {
  createAuthority,
  createDevice,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { runToolProcess } from "./tool_process.ts";

Deno.test("dnc takes the passphrase of its key from a file or from the environment", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const device = await createDevice("device", await createAuthority("ca"));
    const [certificate, key] = [`${directory}/d.crt`, `${directory}/d.pem`];
    await writeCertificateFile(certificate, device.chain);
    await writeKeyFile(key, device.secretKey, { passphrase: "open sesame" });
    const passFile = `${directory}/pass`;
    await Deno.writeTextFile(passFile, "open sesame\n", { mode: 0o600 });
    const configuration = `${directory}/dnc.yaml`;
    const lines = ["certificate: d.crt", "privateKey: d.pem", "key_pass_file: pass"];
    await Deno.writeTextFile(configuration, lines.join("\n"));

    const id = (args: readonly string[], env: Record<string, string> = {}) =>
      runToolProcess("dnc", ["--id", ...args], { DHTNET_CONFIG_DIR: directory, ...env });
    const named = ["-c", certificate, "-p", key];
    const [byFile, byConfiguration, byVariable, wrong] = await Promise.all([
      id([...named, "--key-pass-file", passFile]),
      id(["-d", configuration]),
      id(named, { DHTNET_KEY_PASS: "open sesame" }),
      id(named, { DHTNET_KEY_PASS: "close" }),
    ]);
    for (const { code, stdout, stderr } of [byFile, byConfiguration, byVariable]) {
      assert.deepEqual([code, stdout], [0, `${device.id}\n`], stderr);
    }
    assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
    assert.match(wrong.stderr, /d\.pem.*passphrase/);
    assert.doesNotMatch(wrong.stderr, /close|sesame/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
