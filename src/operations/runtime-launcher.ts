/** What a launcher is told of its runtime; nothing in it needs quoting. */
export interface LaunchedRuntime {
  id: string;
  archive: string;
  /** As `uname -s` and `uname -m` say it. */
  system: string;
  platform: string;
}

/**
 * The script that starts x on a machine that has neither Node nor x: POSIX sh, tar, gzip and
 * sha256sum, which every Linux has, and run by `sh` where a stick may hold no programs.
 */
export function launcherScript({ id, archive, system, platform }: LaunchedRuntime): string {
  return `#!/bin/sh
# Starts x on a machine that has neither Node nor x:  sh x COMMAND...
# Holds this folder against SHA256SUMS, unpacks it once into X_HOME, and runs what it unpacked.
set -eu
id='${id}'
archive='${archive}'
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
home=\${X_HOME:-\${XDG_DATA_HOME:-\${HOME:-}/.local/share}/x-runtime}
to=$home/versions/$id

fail() {
  echo "x: $1" >&2
  echo "   $2" >&2
  exit "\${3:-1}"
}

# A folder that anybody may have made is no place to run programs from.
[ -n "\${X_HOME:-}\${XDG_DATA_HOME:-}\${HOME:-}" ] ||
  fail 'neither HOME nor X_HOME says where x may live' 'Say X_HOME=DIR for a folder of your own.'
if [ ! -e "$to" ]; then
  [ "$(uname -s) $(uname -m)" = '${system}' ] ||
    fail "this runtime is for ${platform}; here it is $(uname -s) $(uname -m)" 'Export one on a machine like this one.'
  for tool in sha256sum tar gzip mktemp; do
    command -v "$tool" >/dev/null 2>&1 || fail "there is no $tool here" 'Install it: the runtime is checked and unpacked with it.'
  done
  (cd "$here" && sha256sum -c SHA256SUMS >/dev/null) ||
    fail "$here is not what was written" 'Copy it again from the source: nothing of it was run.' 3
  mkdir -p "$home/versions" || fail "$home cannot be made" 'Say X_HOME=DIR for a folder that can be written to.'
  new=$(mktemp -d "$home/versions/.new-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  tar -xzf "$here/$archive" -C "$new" || fail "the runtime cannot be unpacked into $home" 'It takes 250 MB: make room, or say X_HOME=DIR for another place.'
  cp "$here/x-runtime.json" "$here/SHA256SUMS" "$new/"
  "$new/bin/node" --version >/dev/null 2>&1 ||
    fail "the Node of this runtime does not start in $home" 'It is for ${platform}; where programs may not run from that folder, say X_HOME=DIR for another one.'
  chmod 755 "$new"
  sync
  [ -e "$to" ] || mv "$new" "$to"
  trap - EXIT
  rm -rf "$new"
  if [ ! -e "$home/current" ]; then
    ln -s "versions/$id" "$home/current"
    mkdir -p "$home/bin"
    cat >"$home/bin/x" <<'END'
#!/bin/sh
home=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
exec "$home/current/bin/node" "$home/current/app/bin/run.js" "$@"
END
    chmod 755 "$home/bin/x"
  fi
  echo "x: unpacked; from now on it is $home/bin/x too" >&2
fi
exec "$to/bin/node" "$to/app/bin/run.js" "$@"
`;
}
