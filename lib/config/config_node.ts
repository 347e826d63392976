import type { Place } from "./config_error.ts";

/** One value of a configuration file, with the place where it stands. */
export type ConfigNode = ScalarNode | ListNode | MappingNode;

/** Text, a number, true, false or nothing. */
export interface ScalarNode extends Place {
  /** What it is. */
  readonly kind: "scalar";
  /** What YAML makes of it. */
  readonly value: string | number | boolean | null;
  /** How it is written, without quotes: `0123` stays what it is. */
  readonly text: string;
}

/** A sequence. */
export interface ListNode extends Place {
  /** What it is. */
  readonly kind: "list";
  /** Its values, in order. */
  readonly items: readonly ConfigNode[];
}

/** Keys with their values; every key is there once. */
export interface MappingNode extends Place {
  /** What it is. */
  readonly kind: "mapping";
  /** Its keys, in order. */
  readonly entries: readonly MappingEntry[];
}

/** A key with its value. The place is the key's. */
export interface MappingEntry extends Place {
  /** The key as it is written. */
  readonly key: string;
  /** What stands after it. */
  readonly value: ConfigNode;
}

/** What a file says, as JSON could say it. */
export type Plain = string | number | boolean | null | readonly Plain[] | {
  readonly [key: string]: Plain;
};
