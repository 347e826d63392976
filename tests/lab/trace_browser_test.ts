/** The page of `--trace` in Debian's chromium. */
import assert from "node:assert/strict";
import { tracePage } from "../../cmd/tool/trace_page.ts";
import { traceOf, TYPICAL_STEPS } from "../support/trace_events.ts";
import { labTest } from "./lab.ts";

/** A browser that has not drawn a page by then hangs, ms. */
const BROWSER_TIMEOUT_MS = 40_000;

/** Loads a file in a browser without a network; the document as it is then, as HTML. */
async function loaded(directory: string, page: string): Promise<string> {
  const path = `${directory}/page-${crypto.randomUUID()}.html`;
  await Deno.writeTextFile(path, page);
  const { success, stdout, stderr } = await new Deno.Command("chromium", {
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      ...[`--user-data-dir=${directory}/browser`, "--window-size=1400,1000"],
      ...["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", `file://${path}`],
    ],
    env: { HOME: directory },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(BROWSER_TIMEOUT_MS),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** What a browser makes of the picture, in its own pixels. */
interface Drawn {
  readonly width: number;
  readonly bars: number;
  readonly marks: number;
  /** Bars and marks that cannot be seen, or are outside of the picture. */
  readonly unseen: readonly string[];
  /** Labels that reach into the bars. */
  readonly overlong: readonly string[];
  readonly events: number;
}

/** Looks at the picture from within the page: only there it is known how things are laid out. */
const MEASURE = `<script>
const all = (selector) => [...document.querySelectorAll(selector)];
const picture = document.querySelector("svg").getBoundingClientRect();
const bars = all("svg g g rect"), marks = all("svg circle, svg polygon");
const described = (one) => one.querySelector("title")?.textContent ?? one.outerHTML;
const unseen = [...bars, ...marks].filter((one) => {
  const { left, right, top, bottom, width, height } = one.getBoundingClientRect();
  const fill = getComputedStyle(one).fill;
  return width < 1 || height < 1 || left < picture.left || right > picture.right + 1 ||
    top < picture.top || bottom > picture.bottom || fill === "none" || fill === "rgb(0, 0, 0)";
}).map(described);
const first = document.querySelector("svg line").getBoundingClientRect().left;
const overlong = all("svg g g text")
  .filter((one) => one.getBoundingClientRect().right > first).map((one) => one.textContent);
document.body.dataset.drawn = JSON.stringify({
  width: picture.width, bars: bars.length, marks: marks.length, unseen, overlong,
  events: all("tbody tr").length,
});
</script></body>`;

async function drawn(directory: string, page: string): Promise<Drawn> {
  // The page itself runs no script, so the copy that is measured has to allow one.
  const open = page.replace(/<meta http-equiv[^>]*>/, "").replace("</body>", MEASURE);
  assert.notEqual(open.length, page.length);
  const found = /data-drawn="([^"]*)"/.exec(await loaded(directory, open));
  assert.ok(found, "the page was measured");
  return JSON.parse(found[1]!.replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
}

labTest("a browser draws every bar and mark of a trace", async (lab) => {
  const events = traceOf(TYPICAL_STEPS);
  const { width, bars, marks, unseen, overlong, events: rows } = await drawn(
    lab.directory,
    tracePage("typical", [{ events, omitted: 0 }]),
  );
  assert.ok(width > 1_000, `the picture is ${width} wide`);
  assert.deepEqual(unseen, []);
  assert.deepEqual(overlong, []);
  assert.ok(bars >= 10 && marks >= 10, `${bars} bars, ${marks} marks`);
  assert.equal(rows, events.length);
}, 60_000);

labTest("a browser shows what peers say as text, and runs none of it", async (lab) => {
  const hostile = `</title></text></svg><script>document.body.id = "ran"</script>` +
    `<img src="x" onerror="document.body.id = 'ran'">`;
  const page = tracePage(hostile, [{
    events: traceOf([
      [0, { type: "begin", time: 0 }],
      [1, { type: "channel", name: hostile, state: "requested", reason: undefined }],
      [2, { type: "failed", code: "refused", reason: hostile }],
    ]),
    omitted: 0,
  }]);
  // Without the policy, escaping alone has to hold.
  for (const one of [page, page.replace(/<meta http-equiv[^>]*>/, "")]) {
    const dom = await loaded(lab.directory, one);
    assert.ok(!/id="ran"|<script|<img/.test(dom));
    assert.ok(dom.includes("&lt;script&gt;"));
  }
}, 100_000);

labTest("the trace of a real call and of its answer can be seen", async (lab) => {
  const files = ["listener", "dialler"].map((name) => `${lab.directory}/${name}.html`);
  const listener = await lab.dnc(["-l", "--trace", files[0]!]);
  const dialler = await lab.dnc([await listener.listening(), "--trace", files[1]!]);
  const [heard] = await Promise.all([listener.finish(), dialler.finish("hello")]);
  assert.equal(heard, "hello");
  await Promise.all([listener.exit(), dialler.exit()]);
  for (const [index, path] of files.entries()) {
    const page = await Deno.readTextFile(path);
    assert.match(page, index === 0 ? /<h2>#1 answer / : /<h2>#1 connect to /);
    const { bars, unseen, overlong } = await drawn(lab.directory, page);
    assert.deepEqual(unseen, []);
    assert.deepEqual(overlong, []);
    assert.ok(bars > 5);
  }
}, 100_000);
