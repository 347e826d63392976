import assert from "node:assert/strict";
import { renderLauncher } from "../../cmd/dist/launcher.ts";

const IS_ROOT = Deno.uid() === 0;
/** Somebody else than who runs the tests. */
const STRANGER = 54_321;

/** The launcher of a package whose runtime says which cache it was started with. */
class Package implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();

  constructor() {
    Deno.mkdirSync(this.temporary);
  }

  get home(): string {
    return `${this.directory}/home`;
  }

  get temporary(): string {
    return `${this.directory}/tmp`;
  }

  /** Where a cache is when there is no home for it. */
  get ownCache(): string {
    return `${this.temporary}/dhtnet-${Deno.uid()}/deno`;
  }

  /** Installs the launcher, and makes a home. */
  async install(): Promise<void> {
    const script = await renderLauncher("package_launcher.sh", {
      NAME: "dnc",
      HASH: "0123",
      LIBRARY: this.directory,
      ENTRY: "main.js",
      FLAGS: "",
    });
    await Deno.writeTextFile(`${this.directory}/dnc`, script, { mode: 0o755 });
    const runtime = '#!/bin/sh\n[ "$1" = cache ] || printf %s "$DENO_DIR"\n';
    await Deno.writeTextFile(`${this.directory}/deno`, runtime, { mode: 0o755 });
    await Deno.mkdir(this.home, { mode: 0o755 });
  }

  /** The cache that the runtime is started with. */
  async cache(env: Record<string, string>): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(`${this.directory}/dnc`, {
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")!, TMPDIR: this.temporary, ...env },
    }).output();
    assert.deepEqual([success, new TextDecoder().decode(stderr)], [true, ""]);
    return new TextDecoder().decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A test of the launcher, which is for POSIX systems. */
function launcherTest(name: string, test: (one: Package) => Promise<void>, ignore = false): void {
  Deno.test({
    name: `launcher of a package: ${name}`,
    ignore: ignore || Deno.build.os === "windows",
    async fn() {
      await using one = new Package();
      await one.install();
      await test(one);
    },
  });
}

launcherTest("the cache is in the user's own", async (one) => {
  const { home } = one;
  const cache = `${home}/.cache/dhtnet`;
  assert.equal(await one.cache({ HOME: home }), `${cache}/deno`);
  // As the service manager makes it: for others to read.
  await Deno.chmod(cache, 0o755);
  assert.equal(await one.cache({ HOME: home }), `${cache}/deno`);
  await Deno.mkdir(`${home}/elsewhere`);
  const env = { HOME: home, XDG_CACHE_HOME: `${home}/elsewhere` };
  assert.equal(await one.cache(env), `${home}/elsewhere/dhtnet/deno`);
});

launcherTest("what others can write to is no cache", async (one) => {
  const cache = `${one.home}/.cache/dhtnet`;
  await Deno.mkdir(cache, { recursive: true });
  for (const mode of [0o775, 0o757]) {
    await Deno.chmod(cache, mode);
    assert.equal(await one.cache({ HOME: one.home }), one.ownCache, mode.toString(8));
  }
});

launcherTest("without a home the cache is a folder of one's own", async (one) => {
  assert.equal(await one.cache({}), one.ownCache);
  assert.equal((await Deno.stat(one.ownCache)).mode! & 0o777, 0o700);
  assert.equal(await one.cache({ HOME: `${one.directory}/none` }), one.ownCache);
  await assert.rejects(Deno.stat(`${one.directory}/none`), Deno.errors.NotFound);
});

launcherTest("a home in which none can be made has none", async (one) => {
  // Not even root can: it may write where a mode forbids it.
  await Deno.writeTextFile(`${one.home}/.cache`, "");
  assert.equal(await one.cache({ HOME: one.home }), one.ownCache);
});

launcherTest("root takes no cache from somebody's home, and leaves none there", async (one) => {
  await Deno.chown(one.home, STRANGER, STRANGER);
  assert.equal(await one.cache({ HOME: one.home }), one.ownCache);
  await assert.rejects(Deno.stat(`${one.home}/.cache`), Deno.errors.NotFound);
  await Deno.mkdir(`${one.home}/.cache/dhtnet`, { recursive: true });
  await Deno.chown(`${one.home}/.cache/dhtnet`, STRANGER, STRANGER);
  assert.equal(await one.cache({ HOME: one.home }), one.ownCache);
}, !IS_ROOT);

launcherTest("where nothing is one's own the program runs without a cache", async (one) => {
  assert.equal(await one.cache({ TMPDIR: `${one.directory}/none` }), "/dev/null/deno");
});
