import { VERSION } from "./programs.ts";

/** What is read of Deno's lock file. */
interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/**
 * What an executable is made of, as a CycloneDX 1.5 document: the runtime, and every package of the
 * lock file with its integrity. The same sources give the same document.
 *
 * @param root folder of the project
 */
export async function softwareBillOfMaterials(root: string): Promise<string> {
  const lock: LockFile = JSON.parse(await Deno.readTextFile(`${root}/deno.lock`));
  const packages = Object.entries(lock.npm).map(([key, { integrity }]) => {
    const { name, version } = nameAndVersion(key);
    const [algorithm, digest] = integrity.split("-", 2) as [string, string];
    return {
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      hashes: [{ alg: algorithm.replace(/^sha/, "SHA-"), content: hexOf(digest) }],
    };
  });
  const runtime = { type: "platform", name: "deno", version: Deno.version.deno };
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "application", name: "dhtnet", version: VERSION } },
    components: [runtime, ...packages],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** `@scope/name@1.2.3`, with what Deno appends for peer dependencies cut off. */
function nameAndVersion(key: string): { name: string; version: string } {
  const at = key.indexOf("@", 1);
  return { name: key.slice(0, at), version: key.slice(at + 1).split("_")[0]! };
}

function hexOf(base64: string): string {
  return Array.from(atob(base64), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
