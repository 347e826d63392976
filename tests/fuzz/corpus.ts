import { hexToBytes } from "@noble/hashes/utils.js";

/** One file for each target, one input in hexadecimal on each line. */
const CORPUS = new URL("corpus/", import.meta.url);

/** The inputs that are fed to a target in every run: what once was a finding stays found. */
export async function readCorpus(target: string): Promise<Uint8Array[]> {
  try {
    const lines = (await Deno.readTextFile(corpusFile(target))).split("\n");
    return lines.filter((line) => line !== "").map(hexToBytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Adds an input to a target's corpus. */
export async function addToCorpus(target: string, hex: string): Promise<void> {
  await Deno.mkdir(CORPUS, { recursive: true });
  await Deno.writeTextFile(corpusFile(target), `${hex}\n`, { append: true });
}

function corpusFile(target: string): URL {
  return new URL(`${target.replaceAll(/[^\w]+/g, "_").toLowerCase()}.hex`, CORPUS);
}
