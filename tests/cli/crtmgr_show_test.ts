import assert from "node:assert/strict";
import { describeCertificate, renderDescription } from "../../cmd/crtmgr/description.ts";
import { show } from "../../cmd/crtmgr/show.ts";
import { createAuthority } from "../../lib/identity/mod.ts";
import type { CommandContext } from "../../cmd/crtmgr/commands.ts";

Deno.test("show: the name in a certificate neither begins a line nor commands the terminal", async () => {
  const { id, chain } = await createAuthority("bob\n  id             4ea1\x1b[8m");
  const text = renderDescription(describeCertificate(chain[0]!, new Date()));
  assert.deepEqual(text.match(/^ {2}id +(.*)$/gm), [`  id             ${id}`]);
  assert.match(text, /^certificate of bob\ufffd {2}id {13}4ea1\ufffd\[8m\n/);
});

Deno.test("show: what cannot be read is named with its file", async () => {
  const path = await Deno.makeTempFile({ suffix: ".crl" });
  try {
    await Deno.writeTextFile(path, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n");
    const context = { values: { json: false }, operands: [path] } as unknown as CommandContext;
    await assert.rejects(
      show(context),
      (error: Error) => error.message.startsWith(`${path}: not a`),
    );
  } finally {
    await Deno.remove(path);
  }
});
