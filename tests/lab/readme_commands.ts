const README = new URL("../../README.md", import.meta.url);

/** A command that README tells a reader to type. */
export interface ReadmeCommand {
  /** Who types it: the word before the prompt; empty in a block without prompts. */
  readonly who: string;
  /** The line as it is, without prompt and comment. */
  readonly line: string;
}

/** All commands in README's `sh` and `console` blocks, in their order. */
export async function readmeCommands(): Promise<ReadmeCommand[]> {
  const text = await Deno.readTextFile(README);
  const commands: ReadmeCommand[] = [];
  for (const [, kind, body] of text.matchAll(/^```(sh|console)\n([\s\S]*?)^```/gm)) {
    for (const written of body!.split("\n")) {
      const prompt = /^(\w*)[$#] /.exec(written);
      if (kind === "console" && prompt === null) continue;
      const line = written.slice(prompt?.[0].length ?? 0).replace(/\s+# .*$/, "").trim();
      if (line !== "") commands.push({ who: prompt?.[1] ?? "", line });
    }
  }
  return commands;
}

/**
 * A command as README has it, for a test that runs it.
 *
 * @throws when README has it no more
 */
export async function readmeLine(line: string): Promise<string> {
  if ((await readmeCommands()).some((command) => command.line === line)) return line;
  throw new Error(`README has no such command: ${line}`);
}
