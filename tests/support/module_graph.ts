import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Graph {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}

/**
 * The specifiers of all modules that are loaded with an entry, whatever it then does.
 *
 * @param entry a path, absolute or from the root of the project
 */
export async function loadedWith(entry: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const dependencies = new Map(graph.modules.map((one) => [one.specifier, one.dependencies ?? []]));
  const loaded = new Set<string>();
  const pending = [...graph.roots];
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    if (loaded.has(one)) continue;
    loaded.add(one);
    for (const { isDynamic, code } of dependencies.get(one) ?? []) {
      if (!isDynamic && code !== undefined) pending.push(code.specifier);
    }
  }
  return loaded;
}

/** The modules of Node among them: the first one takes 5 to 15 ms of a start. */
export function modulesOfNode(loaded: ReadonlySet<string>): string[] {
  return [...loaded].filter((one) => one.startsWith("node:"));
}
