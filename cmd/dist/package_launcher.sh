#!/bin/sh
@PRIVATE_CACHE@
# The runtime can do without a cache.
find_cache || cache=/dev/null
export DENO_DIR="$cache/deno" DENO_NO_UPDATE_CHECK=1
seen=$DENO_DIR/seen-@NAME@-@HASH@
# Of modules that it has not seen the runtime keeps 45 MiB for as long as the process lives, so one
# that ends sees them first.
[ -e "$seen" ] || (
  umask 077
  rm -f "$DENO_DIR/seen-@NAME@-"*
  mkdir -p "$DENO_DIR" && touch "$seen" &&
    @LIBRARY@/deno cache --quiet --no-config --no-lock @LIBRARY@/@NAME@/@ENTRY@
) 2>/dev/null
exec @LIBRARY@/deno run @FLAGS@ @LIBRARY@/@NAME@/@ENTRY@ "$@"
