import type { TraceEvent } from "../../lib/endpoint/trace_event.ts";
import { escapeMarkup } from "./markup.ts";
import { timelineOf } from "./trace_lanes.ts";
import { describeStep } from "./trace_line.ts";
import { timelinePicture } from "./trace_picture.ts";

/** What is known of one attempt. */
export interface TracedAttempt {
  /** In the order in which they came. */
  readonly events: readonly TraceEvent[];
  /** Events that there was no room for. */
  readonly omitted: number;
}

/**
 * A page that shows attempts: for each a picture, and all of its events as a table. It needs nothing
 * from anywhere, runs no script, and shows whatever peers say as text.
 *
 * @param title of the page
 */
export function tracePage(title: string, attempts: readonly TracedAttempt[]): string {
  const sections = attempts.length === 0
    ? "<p>No attempt to reach a peer, or to be reached, has been made so far.</p>"
    : attempts.map(section).join("\n");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeMarkup(title)}</h1>
${LEGEND}
${sections}
</body>
</html>
`;
}

function section({ events, omitted }: TracedAttempt): string {
  const [first] = events;
  if (first === undefined) return "";
  const begun = first.type === "begin" ? new Date(first.time).toISOString() : "";
  const heading = `#${first.attempt} ${describeStep({ ...first, type: "begin", time: 0 })[1]}`;
  const rows = events.map(eventRow).join("\n");
  const more = omitted === 0 ? "" : `<p>${omitted} more events were not kept.</p>`;
  return `<section>
<h2>${escapeMarkup(heading)}</h2>
<p class="outcome">${escapeMarkup(begun)}, ${escapeMarkup(outcomeOf(events))}</p>
${timelinePicture(timelineOf(events))}
<details>
<summary>${events.length} events</summary>
<table>
<thead><tr><th>ms</th><th>part</th><th>what happened</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
${more}
</details>
</section>`;
}

function eventRow(event: TraceEvent): string {
  const [part, text] = describeStep(event);
  return `<tr class="${event.type}"><td>${event.at.toFixed(1)}</td><td>${escapeMarkup(part)}</td>` +
    `<td>${escapeMarkup(text)}</td></tr>`;
}

/** What the attempt came to. */
function outcomeOf(events: readonly TraceEvent[]): string {
  const decisive =
    events.find((event) =>
      event.type === "failed" || (event.type === "session" && event.state === "running") ||
      (event.type === "answer" && !event.accepted)
    ) ?? events.findLast(({ type }) => type === "pipe");
  if (decisive === undefined) return "under way";
  const [part, text] = describeStep(decisive);
  return `after ${decisive.at.toFixed(1)} ms: ${part}: ${text}`;
}

const LEGEND = `<ul class="legend">
<li><i class="waiting"></i>waiting</li><li><i class="working"></i>under way</li>
<li><i class="good"></i>works</li><li><i class="bad"></i>failed</li>
<li><i class="sent"></i>sent</li><li><i class="received"></i>received</li>
<li><i class="decision"></i>nomination</li>
</ul>`;

const STYLE = `
:root { color-scheme: light dark; --ink: #222; --faint: #8884; --back: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --back: #181818; } }
body { font: 14px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2em; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; overflow-wrap: anywhere; }
svg { width: 100%; min-width: 60em; height: auto; font: 11px ui-monospace, monospace; }
section { overflow-x: auto; border-top: 1px solid var(--faint); }
text { fill: var(--ink); } line { stroke: var(--faint); }
.lane { font-weight: bold; } .band { fill: var(--faint); fill-opacity: .25; }
.waiting { fill: #999; background: #999; } .working { fill: #4a90d9; background: #4a90d9; }
.good { fill: #3a9d5d; background: #3a9d5d; } .bad { fill: #d0463b; background: #d0463b; }
.sent { fill: #7b4fb5; background: #7b4fb5; } .received { fill: #d98a1f; background: #d98a1f; }
.local { fill: #4a90d9; } .remote { fill: #d98a1f; }
.decision { fill: #e3b505; background: #e3b505; stroke: var(--ink); stroke-width: .5; }
rect.waiting, rect.working, rect.good, rect.bad { fill-opacity: .7; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 1em; padding: 0; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; }
table { border-collapse: collapse; font: 12px ui-monospace, monospace; }
td, th { text-align: left; padding: .1em .8em .1em 0; vertical-align: top; }
td:first-child { text-align: right; } td:last-child { overflow-wrap: anywhere; }
tr.nominated, tr.answer { font-weight: bold; } tr.failed { color: #d0463b; }
`;
