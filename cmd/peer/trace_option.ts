import { single, text } from "../tool/option.ts";

/** `--trace`: in every tool with peers. */
export const TRACE_OPTION = single(
  "",
  "FILE",
  text,
  "Draw how peers are reached: a page for a browser.",
);
