import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** What `deno doc --json` says of anything that can have a comment. */
interface Documented {
  readonly name?: string;
  readonly kind?: string;
  readonly location?: { readonly filename: string; readonly line: number };
  readonly jsDoc?: { readonly doc?: string };
  readonly accessibility?: string;
  readonly isOverride?: boolean;
  readonly def?: Definition;
}

/** The parts of a class, an interface or an enumeration. */
interface Definition {
  readonly constructors?: readonly (Documented & { readonly params: readonly unknown[] })[];
  readonly properties?: readonly Documented[];
  readonly methods?: readonly Documented[];
  readonly members?: readonly Documented[];
  readonly callSignatures?: readonly Documented[];
}

interface Module {
  readonly module_doc?: { readonly doc?: string };
  readonly symbols: readonly { readonly name: string; readonly declarations: Documented[] }[];
}

/** Where something public is, and whether a comment says what it is. */
interface Place {
  readonly name: string;
  readonly isDocumented: boolean;
}

/** Has words: tags alone tell a tool something, but no reader what this is. */
const isDocumented = ({ jsDoc }: Documented): boolean => (jsDoc?.doc ?? "").trim() !== "";

/** A part that users do not see, or that the base class documents. */
const isHidden = ({ accessibility, isOverride }: Documented): boolean =>
  accessibility === "private" || isOverride === true;

function* placesOf(name: string, declarations: readonly Documented[]): Generator<Place> {
  const [first] = declarations;
  const { filename, line } = first!.location!;
  const at = `${filename.slice(ROOT.href.length)}:${line} ${name}`;
  // A function with several signatures, or an interface beside a constant, is described once.
  yield { name: at, isDocumented: declarations.some(isDocumented) };
  for (const { def = {} } of declarations) yield* partsOf(at, def);
}

function* partsOf(owner: string, definition: Definition): Generator<Place> {
  const { constructors = [], properties = [], methods = [], members = [], callSignatures = [] } =
    definition;
  const inside = [...properties, ...methods, ...members, ...callSignatures];
  for (const part of [...inside, ...constructors.filter(({ params }) => params.length > 0)]) {
    if (isHidden(part)) continue;
    const at = `${owner}.${part.name ?? "()"}`;
    // Overloads, and a getter beside its setter, are described once.
    const sameName = inside.filter(({ name }) => name !== undefined && name === part.name);
    yield { name: at, isDocumented: [part, ...sameName].some(isDocumented) };
  }
}

/** All that the package's exports show to who imports them. */
async function publicPlaces(entries: readonly string[]): Promise<Place[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...entries],
    cwd: ROOT,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const modules: Record<string, Module> = JSON.parse(new TextDecoder().decode(stdout)).nodes;
  const places: Place[] = [];
  for (const [url, { module_doc, symbols }] of Object.entries(modules)) {
    places.push({
      name: url.slice(ROOT.href.length),
      isDocumented: isDocumented({ jsDoc: module_doc ?? {} }),
    });
    for (const { name, declarations } of symbols) {
      // What another entry exports, too, is counted there.
      if (declarations.some(({ kind }) => kind !== "reference")) {
        places.push(...placesOf(name, declarations));
      }
    }
  }
  return places;
}

Deno.test("documentation: everything that the package exports says what it is", async () => {
  const places = await publicPlaces(Object.values(manifest.exports));
  assert.ok(places.length > 700, "the documentation was read");
  assert.deepEqual(places.filter((one) => !one.isDocumented).map(({ name }) => name), []);
});

Deno.test("documentation: the lint looks at every export", () => {
  const linted = manifest.tasks["doc-lint"].command.split(" ");
  for (const entry of Object.values(manifest.exports)) {
    assert.ok(linted.includes(entry.replace("./", "")), entry);
  }
});
