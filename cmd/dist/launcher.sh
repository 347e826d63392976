#!/bin/sh
# @NAME@ @VERSION@ for @PLATFORM@: one file with the program and its runtime behind this script.
# The first start unpacks them into the cache and checks their SHA-256; later starts run them at once.
set -u
fail() { printf '%s: %s\n' '@NAME@' "$1" >&2; exit 1; }

@PRIVATE_CACHE@
find_cache ||
  fail "cannot use $cache as cache: it must be yours alone; set XDG_CACHE_HOME to a folder of yours"
runtime=$cache/deno-@RUNTIME_HASH@
program=$cache/@NAME@-@PROGRAM_HASH@

hash_of() {
  if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi
}
# unpack OFFSET LENGTH HASH FILE: a part of this file, checked.
unpack() {
  tail -c "+$1" "$0" | head -c "$2" | gzip -dc >"$4" || fail "cannot unpack into $cache"
  case $(hash_of "$4") in "$3"*) ;; *) fail "$0 is damaged: download it again" ;; esac
}
# A name appears only when its content is whole: renaming replaces all at once, also when several
# first starts do it at the same time.
if [ ! -x "$runtime" ] || [ ! -f "$program/@ENTRY@" ]; then
  mask=$(umask)
  umask 077
  find "$cache" -maxdepth 1 -name 'unpack.*' -mtime +0 -exec rm -rf {} + 2>/dev/null
  work=$(mktemp -d "$cache/unpack.XXXXXXXX") || fail "cannot write to $cache"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ ! -x "$runtime" ]; then
    unpack @RUNTIME_OFFSET@ @RUNTIME_LENGTH@ @RUNTIME_HASH@ "$work/deno"
    chmod 700 "$work/deno" && mv -f "$work/deno" "$runtime" || fail "cannot write to $cache"
  fi
  unpack @PROGRAM_OFFSET@ @PROGRAM_LENGTH@ @PROGRAM_HASH@ "$work/program.tar"
  mkdir -p "$program" "$work/program" && tar -xf "$work/program.tar" -C "$work/program" ||
    fail "cannot unpack into $cache"
  # The entry comes last: where it is, everything is.
  for file in "$work/program"/*; do
    case $file in */@ENTRY@) ;; *) mv -f "$file" "$program/" || fail "cannot write to $cache" ;; esac
  done
  mv -f "$work/program/@ENTRY@" "$program/" || fail "cannot write to $cache"
  # The runtime looks through modules that it has not seen, and keeps what that takes, 45 MiB, for as
  # long as the process lives. So it does that here, in one that ends.
  DENO_DIR=$cache/deno "$runtime" cache --quiet --no-config --no-lock "$program/@ENTRY@" 2>/dev/null
  trap - EXIT INT TERM
  rm -rf "$work"
  umask "$mask"
fi
DENO_DIR=$cache/deno DENO_NO_UPDATE_CHECK=1 exec "$runtime" run @FLAGS@ "$program/@ENTRY@" "$@"
