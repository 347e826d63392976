import assert from "node:assert/strict";
import { run } from "./command.ts";

/** `systemd-analyze security` goes from 0, safe, to 10. */
const MAX_EXPOSURE = 2;

Deno.test("lab: systemd accepts the unit of dnc, and finds little exposed", async () => {
  const unit = await Deno.readTextFile(new URL("../../cmd/dnc/dnc.service", import.meta.url));
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/dnc.service`;
    // systemd wants to see the program; it need not be installed here.
    await Deno.writeTextFile(
      path,
      unit.replaceAll("ExecStart=/usr/bin/dnc", "ExecStart=/bin/true"),
    );
    await run("systemd-analyze", "verify", "--man=no", path);
    const report = await run("systemd-analyze", "security", "--offline=true", path);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)?.[1]);
    assert.ok(exposure <= MAX_EXPOSURE, report);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
