import { duration, flag, setting, single } from "../tool/option.ts";

/** The options of every tool that has an id and calls others by theirs. */
export const DIALLING_OPTIONS = {
  timeout: setting(
    single("", "TIME", duration, "Give up connecting then: 500ms, 10s (20s), 2m."),
  ),
  id: flag("", "Show this device's id on standard output."),
};
