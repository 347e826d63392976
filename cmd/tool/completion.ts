import type { HelpPage } from "./help.ts";
import type { Option } from "./option.ts";

/** The shells that completions are made for. */
export type Shell = "bash" | "zsh" | "fish";

/**
 * A script that teaches a shell a tool's options; made from the same table as `--help`.
 *
 * An argument that names a file or a folder (`FILE`, `DIR`) is completed by file names.
 */
export function renderCompletion(shell: Shell, page: HelpPage): string {
  return RENDERERS[shell](page);
}

const RENDERERS: Record<Shell, (page: HelpPage) => string> = {
  bash: ({ name, options }) => {
    const entries = Object.entries(options);
    const words = entries.flatMap(([long, option]) => written(long, option));
    const taking = (wanted: boolean) =>
      entries.filter(([, option]) => option.argument !== undefined && isPath(option) === wanted)
        .flatMap(([long, option]) => written(long, option)).join("|");
    const cases = [
      ...(taking(true)
        ? [`    ${taking(true)}) COMPREPLY=($(compgen -f -- "$word")); return ;;`]
        : []),
      ...(taking(false) ? [`    ${taking(false)}) return ;;`] : []),
    ];
    const completer = `_dhtnet_${name.replaceAll("-", "_")}`;
    return `# bash completion for ${name}
${completer}() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  case $previous in
${cases.join("\n")}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W '${words.join(" ")}' -- "$word")) ;;
  esac
}
complete -F ${completer} ${name}
`;
  },
  zsh: ({ name, options }) => {
    const specs = Object.entries(options).flatMap(([long, option]) => {
      const text = option.description.replaceAll("\\", "\\\\").replaceAll("[", "\\[")
        .replaceAll("]", "\\]").replaceAll(":", "\\:");
      const argument = option.argument === undefined
        ? ""
        : `:${option.argument.replaceAll(/[:[\]]/g, "")}:${isPath(option) ? "_files" : " "}`;
      return written(long, option).map((way) => `  ${quote(`*${way}[${text}]${argument}`)}`);
    });
    return `#compdef ${name}
_arguments -s -S \\
${specs.join(" \\\n")}
`;
  },
  fish: ({ name, options }) =>
    Object.entries(options).map(([long, option]) => {
      const letters = [...option.letters].map((letter) => ` -s ${letter}`).join("");
      const argument = option.argument === undefined ? "" : isPath(option) ? " -r -F" : " -x";
      return `complete -c ${name}${letters} -l ${long}${argument} -d ${
        quote(option.description)
      }\n`;
    }).join(""),
};

function written(long: string, { letters }: Option<unknown>): string[] {
  return [...[...letters].map((letter) => `-${letter}`), `--${long}`];
}

function isPath({ argument }: Option<unknown>): boolean {
  return argument !== undefined && /^(FILE|DIR|PATH|SOCKET)/.test(argument);
}

/** One word for a POSIX shell and for fish. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
