import { printableLine } from "../../../tool/log_line.ts";
import { formatBytes } from "../../../tool/output.ts";
import type { Tally } from "../tally.ts";

/**
 * One line on how far a transfer is: `45 %  1.1 GiB of 2.5 GiB  320.0 MiB/s  0:05 left  name`.
 *
 * @param rate bytes per second of late; undefined when it is not known yet
 * @param columns of the terminal
 */
export function progressText(
  tally: Pick<Tally, "bytes" | "bytesDone" | "isComplete" | "files" | "filesDone" | "current">,
  rate: number | undefined,
  columns: number,
): string {
  const { bytes, bytesDone, isComplete, files, filesDone } = tally;
  const share = bytes === 0 ? 0 : Math.min(1, bytesDone / bytes);
  // What is not counted yet makes every share of it a guess.
  const parts = [
    isComplete ? `${Math.floor(share * 100)} %` : "…",
    `${formatBytes(bytesDone)} of ${formatBytes(bytes)}${isComplete ? "" : " so far"}`,
    ...(files > 1 ? [`${filesDone} of ${files} files`] : []),
    ...(rate === undefined ? [] : [`${formatBytes(Math.round(rate))}/s`]),
    ...(isComplete && rate !== undefined && rate > 0
      ? [`${formatTime((bytes - bytesDone) / rate)} left`]
      : []),
  ].join("  ");
  const room = columns - 1 - parts.length - 2;
  const name = printableLine(tally.current);
  if (room < 8) return parts.slice(0, Math.max(0, columns - 1));
  return name.length <= room ? `${parts}  ${name}` : `${parts}  …${name.slice(1 - room)}`;
}

/** A time span as clocks show it: `0:05`, `1:02:03`. */
function formatTime(seconds: number): string {
  const whole = Math.ceil(Math.min(seconds, 359_999));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return hours === 0
    ? `${minutes}:${two(whole % 60)}`
    : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}
