import assert from "node:assert/strict";
import {
  hostAddresses,
  interfaceNames,
  quicCertificate,
  readBounded,
  resolveHost,
  systemClock,
  writeAtomic,
  writeSecret,
} from "../../lib/net/mod.ts";

async function inTemporaryDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("files: a secret is its owner's alone, in a directory of its own", () => {
  return inTemporaryDirectory(async (directory) => {
    const path = `${directory}/a/b/key`;
    await writeSecret(path, Uint8Array.of(1));
    await writeSecret(path, new Uint8Array(3_000_000).fill(2));
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(`${directory}/a/b`)).mode! & 0o777, 0o700);
    assert.equal((await readBounded(path, 3_000_000))!.length, 3_000_000);
    await assert.rejects(readBounded(path, 2_999_999), { code: "file" });
    assert.deepEqual([...Deno.readDirSync(`${directory}/a/b`)].map(({ name }) => name), ["key"]);
  });
});

Deno.test("files: what cannot be written leaves nothing behind, what is missing is undefined", () => {
  return inTemporaryDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/taken`);
    await assert.rejects(writeAtomic(`${directory}/taken`, new Uint8Array(1), 0o644), {
      code: "file",
    });
    await assert.rejects(writeAtomic(`${directory}/none/x`, new Uint8Array(1), 0o644), {
      code: "file",
    });
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["taken"]);
    assert.equal(await readBounded(`${directory}/none`, 10), undefined);
  });
});

Deno.test("resolveHost: addresses at once, names by the system, families and failures", async () => {
  assert.deepEqual(await resolveHost("192.0.2.1"), ["192.0.2.1"]);
  assert.deepEqual(await resolveHost("0:0::1"), ["::1"]);
  await assert.rejects(resolveHost("::1", { families: [4] }), { code: "resolve" });
  assert.deepEqual(await resolveHost("localhost", { families: [4] }), ["127.0.0.1"]);
  const signal = AbortSignal.abort();
  await assert.rejects(resolveHost("localhost", { signal }), { code: "aborted" });
});

Deno.test("host addresses: loopback when named alone, stable order", () => {
  const lo = hostAddresses({ interfaces: ["lo"] });
  assert.ok(lo.every(({ name }) => name === "lo"));
  assert.ok(lo.some(({ ip }) => ip === "127.0.0.1"));
  assert.deepEqual(hostAddresses({ interfaces: ["nonesuch"] }), []);
  assert.ok(hostAddresses().every(({ ip }) => !ip.startsWith("127.") && !ip.startsWith("fe80")));
  assert.deepEqual(hostAddresses(), hostAddresses());
  assert.ok(interfaceNames().includes("lo"));
});

Deno.test("host addresses: when the system cannot be asked, it is as it was", async () => {
  const before = hostAddresses({ interfaces: ["lo"] });
  const { networkInterfaces } = Deno;
  Deno.networkInterfaces = () => {
    throw new Error("Too many open files (os error 24)");
  };
  try {
    await new Promise((resolve) => setTimeout(resolve, 60)); // longer than the answer is kept
    assert.deepEqual(hostAddresses({ interfaces: ["lo"] }), before);
  } finally {
    Deno.networkInterfaces = networkInterfaces;
  }
});

Deno.test("clock: timers are never early, and can be cancelled", async () => {
  const { setTimer, now, wallClock } = systemClock;
  assert.ok(Number.isInteger(wallClock()));
  for (const delay of [-5, 0, 1, 7]) {
    const at = now() + delay;
    await new Promise<void>((resolve) => setTimer(at, resolve));
    assert.ok(now() >= at);
  }
  let fired = 0;
  for (const delay of [0, 2]) setTimer(now() + delay, () => fired++).cancel();
  await new Promise<void>((resolve) => setTimer(now() + 10, resolve));
  assert.equal(fired, 0);
});

Deno.test("quic certificate: short-lived, hash of its DER, PKCS#8 key, one for the process", async () => {
  const { certificate, privateKey, sha256 } = await quicCertificate();
  const der = Uint8Array.from(atob(certificate.replaceAll(/-----.*-----|\s/g, "")), (c) => {
    return c.charCodeAt(0);
  });
  assert.deepEqual(new Uint8Array(await crypto.subtle.digest("SHA-256", der)), sha256);
  assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----\n/);
  const { X509Certificate } = await import("node:crypto");
  const parsed = new X509Certificate(certificate);
  const life = Date.parse(parsed.validTo) - Date.parse(parsed.validFrom);
  assert.ok(life <= 14 * 86_400_000, String(life));
  assert.ok(Date.parse(parsed.validTo) > Date.now() + 7 * 86_400_000);
  assert.equal((await quicCertificate()).certificate, certificate);
});
