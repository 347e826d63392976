import { isName, namesOf } from "../protocol/relative_path.ts";
import { TreeError } from "./tree_error.ts";

/**
 * The names beneath an allowed root that a peer's path consists of. A path is taken from the root;
 * an absolute one is good when it begins with the root's own path.
 *
 * @param root the root's real path
 * @throws {TreeError} when the path leads out of it
 */
export function allowedPath(root: string, path: string): readonly string[] {
  let inside = path;
  if (path.startsWith("/")) {
    const prefix = root.endsWith("/") ? root : `${root}/`;
    if (!`${path}/`.startsWith(prefix)) throw new TreeError("it is outside of what is allowed");
    inside = path.slice(prefix.length);
  }
  const names = inside.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new TreeError("it is outside of what is allowed: no ..");
  if (names.every(isName) && namesOf(names.join("/")) !== undefined) return names;
  throw new TreeError("it is no path");
}
