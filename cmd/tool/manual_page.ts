import type { HelpPage } from "./help.ts";
import type { Option } from "./option.ts";

/**
 * A tool's manual page, section 1, in the `man` macros of groff: made from the same table as
 * `--help`, so that the two cannot differ.
 *
 * @param page what `--help` shows
 * @param version of the project, for the footer
 */
export function renderManualPage(page: HelpPage, version: string): string {
  const { name, summary, usage, options, notes } = page;
  return [
    `.TH ${name.toUpperCase()} 1 "" "dhtnet ${version}" "User Commands"`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(summary)}`,
    ".SH SYNOPSIS",
    ".nf",
    ...usage.map((line) => `\\fB${escape(name)}\\fR ${escape(line)}`),
    ".fi",
    ".SH OPTIONS",
    ...Object.entries(options).map(([long, option]) => renderOption(long, option)),
    ".SH NOTES",
    ".nf",
    ...notes.trim().split("\n").map(escapeLine),
    ".fi",
    "",
  ].join("\n");
}

function renderOption(long: string, { letters, argument, description }: Option<unknown>): string {
  const written = [...[...letters].map((letter) => `-${letter}`), `--${long}`]
    .map((text) => `\\fB${escape(text)}\\fR`).join(", ");
  const term = argument === undefined ? written : `${written} \\fI${escape(argument)}\\fR`;
  return `.TP\n${term}\n${escapeLine(description)}`;
}

/** Text that groff sets as it is: a plain `-` would become a hyphen that cannot be copied. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** A whole line: one that begins with a dot or a quote would be taken for a macro. */
function escapeLine(line: string): string {
  const escaped = escape(line);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
