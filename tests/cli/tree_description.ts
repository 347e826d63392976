import { createHash } from "node:crypto";

/** What a tree holds, in lines that can be compared. */
export function describeTree(root: string, path = ""): string[] {
  const info = Deno.lstatSync(root + path);
  const mode = (info.mode! & 0o7777).toString(8);
  const time = info.mtime!.getTime();
  const line = (...facts: unknown[]) => [JSON.stringify(path), ...facts, time].join(" ");
  if (info.isSymlink) return [line("link", Deno.readLinkSync(root + path))];
  if (info.isFile) {
    const hash = createHash("sha256").update(Deno.readFileSync(root + path)).digest("hex");
    return [line("file", mode, info.size, hash)];
  }
  if (!info.isDirectory) return [line("something else")];
  const names = [...Deno.readDirSync(root + path)].map(({ name }) => name).sort();
  return [
    line("directory", mode),
    ...names.flatMap((name) => describeTree(root, `${path}/${name}`)),
  ];
}
