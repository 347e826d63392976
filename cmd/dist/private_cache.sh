# Only a folder that is ours and that nobody else can write to is a cache: what lies there is run.
is_private() {
  [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 1
  case $(ls -ldn "$1") in d????-??-*) return 0 ;; *) return 1 ;; esac
}
# Whoever owns the folder around it can exchange it: that must be us, or root.
is_trusted() {
  [ -O "$1" ] && return
  set -- $(ls -ldnL "$1" 2>/dev/null)
  [ "${3:-}" = 0 ]
}
# Sets `cache`; fails where none can be had.
find_cache() {
  cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/dhtnet
  if is_trusted "${XDG_CACHE_HOME:-${HOME:-/nonexistent}}"; then
    is_private "$cache" || (umask 077 && mkdir -p "$cache") 2>/dev/null
    is_private "$cache" && return
  fi
  # No home, or that of somebody else (sudo): a folder of our own among the temporary files.
  cache=${TMPDIR:-/tmp}/dhtnet-$(id -u)
  mkdir -m 700 "$cache" 2>/dev/null
  is_private "$cache"
}
