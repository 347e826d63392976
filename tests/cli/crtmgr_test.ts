import assert from "node:assert/strict";
import { loadIdentity, verifyChain } from "../../lib/identity/mod.ts";
import { runToolProcess } from "./tool_process.ts";

const crtmgr = (...args: string[]) => runToolProcess("crtmgr", args);

function inDirectory(name: string, test: (directory: string) => Promise<void>): void {
  Deno.test(`crtmgr: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await test(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

inDirectory("a CA, a device that it signs, and the device's id", async (base) => {
  const directory = `${base}/new/folder`;
  const ca = await crtmgr("-o", directory, "-n", "my-ca");
  assert.deepEqual([ca.code, ca.stdout], [0, ""], ca.stderr);
  const signer = ["-c", `${directory}/my-ca.crt`, "-p", `${directory}/my-ca.pem`];
  const device = await crtmgr("-o", `${directory}/`, "-n", "laptop", ...signer);
  assert.deepEqual([device.code, device.stdout], [0, ""], device.stderr);

  const [certificate, key] = [`${directory}/laptop.crt`, `${directory}/laptop.pem`];
  const shown = await crtmgr("-a", "-c", certificate, "-p", key);
  const identity = await loadIdentity(certificate, key);
  assert.deepEqual(shown, { code: 0, stdout: `${identity.id}\n`, stderr: "" });
  const { subjects } = verifyChain(identity.chain, new Date());
  assert.deepEqual(subjects, ["laptop", "my-ca"]);
  assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
  assert.equal((await Deno.stat(key)).mode! & 0o777, 0o600);
});

inDirectory("file names are ca and certificate unless told otherwise", async (directory) => {
  assert.equal((await crtmgr("-o", directory)).code, 0);
  const signer = ["-c", `${directory}/ca.crt`, "-p", `${directory}/ca.pem`];
  assert.equal((await crtmgr("-o", directory, ...signer)).code, 0);
  await loadIdentity(`${directory}/certificate.crt`, `${directory}/certificate.pem`);
});

inDirectory("nothing is overwritten, whichever of the two files exists", async (directory) => {
  for (const file of ["ca.crt", "ca.pem"]) {
    await Deno.writeTextFile(`${directory}/${file}`, "precious");
    const { code, stderr } = await crtmgr("-o", directory);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${file} exists already and is not overwritten`));
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), [file]);
    assert.equal(await Deno.readTextFile(`${directory}/${file}`), "precious");
    await Deno.remove(`${directory}/${file}`);
  }
});

inDirectory("what it cannot use is refused with exit code 1", async (directory) => {
  await crtmgr("-o", directory, "-n", "one");
  await crtmgr("-o", directory, "-n", "two");
  const named = (certificate: string, key: string) => [
    ...["-c", `${directory}/${certificate}`, "-p", `${directory}/${key}`],
  ];
  await crtmgr("-o", directory, "-n", "device", ...named("one.crt", "one.pem"));
  await Deno.copyFile(`${directory}/one.pem`, `${directory}/open.pem`);
  await Deno.chmod(`${directory}/open.pem`, 0o644);
  const cases: [string[], RegExp][] = [
    [["-a", ...named("one.crt", "two.pem")], /two\.pem is not the private key of .*one\.crt/],
    [["-a", ...named("none.crt", "one.pem")], /no such file: .*none\.crt/],
    [["-a", ...named("one.crt", "open.pem")], /mode 0644.*chmod 600/],
    [["-a", "-p", "/dev/null"], /\/dev\/null is no regular file\n/],
    [["-a", "-p", "/"], /: \/ is a directory\n/],
    [["-a", ...named("one.pem", "one.pem")], /one\.pem: no CERTIFICATE block/],
    [["-o", directory, "-n", "x", ...named("device.crt", "device.pem")], /not that of a CA/],
    [["-o", `${directory}/one.crt/sub`], /cannot create .*sub/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await crtmgr(...args);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /unexpected failure|\n {4}at /);
  }
});

Deno.test("crtmgr: wrong usage exits with 2 and points to the help", async () => {
  const cases: [string[], RegExp][] = [
    [[], /give -i, -o DIR, -a or a command/],
    [["-a"], /-a needs the files of a device/],
    [["-o", "x", "-c", "x"], /-c needs the private key too/],
    [["-o", "x", "-p", "x"], /-p needs the certificate too/],
    [["-a", "-o", "x"], /--output has no meaning with --identifier/],
    [["-a", "-s"], /give one of --identifier, --setup/],
    [["-s"], /-s needs a folder: -o DIR/],
    [["show"], /show needs a FILE/],
    [["show", "x", "-n", "x"], /--name has no meaning with show/],
    [["verify", "x"], /verify needs the CA's certificate/],
    [["revoke", "x"], /revoke needs the CA/],
    [["revok", "x"], /unknown command revok; did you mean revoke\?/],
    [["-o"], /-o needs a value: -o PATH/],
    [["-o", "x", "-n", "a/b"], /cannot be the name of a file/],
    [["-o", "x", "-n", "a\x1b[2Jb"], /"a\\u001b\[2Jb" cannot be the name of a file/],
    [["-o", "x", "-n", "a\nb"], /"a\\nb" cannot be the name of a file/],
    [["-o", "x", "-n", "a\u202eb"], /cannot be the name of a file/],
    [["--certifcate", "x"], /unknown option --certifcate; did you mean --certificate\?/],
    [["-o", "x", "stray"], /unknown command stray/],
  ];
  const results = await Promise.all(cases.map(([args]) => crtmgr(...args)));
  for (const [index, { code, stdout, stderr }] of results.entries()) {
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, cases[index]![1]);
    assert.match(stderr, /Try: crtmgr --help/);
  }
});

Deno.test("crtmgr: help and version go to standard output", async () => {
  for (const letter of ["-h", "--help"]) {
    const { code, stdout, stderr } = await crtmgr(letter);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /Usage: crtmgr -i /);
  }
  for (const letter of ["-v", "-V", "--version"]) {
    const { code, stdout } = await crtmgr(letter);
    assert.equal(code, 0);
    assert.match(stdout, /^crtmgr \d+\.\d+\.\d+\n$/);
  }
});
