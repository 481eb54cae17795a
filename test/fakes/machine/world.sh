# What every program of the machine shares: where it is, and how its harness dies.
M=${0%/*/*}
units=$M/units

# Before each change of the machine. `fuse` holds which change is the last one, and whether it is still made (`after`) or not (`before`).
# From then on the harness is dead: nothing that it asks for is done any more.
deed() {
  count=$(($(cat "$M/deeds") + 1))
  echo "$count" >"$M/deeds"
  [ -e "$M/fuse" ] || return 0
  read -r last edge <"$M/fuse"
  [ "$count" -eq "$last" ] || return 0
  : >"$M/dead"
  [ "$edge" = after ] || die
  trap die EXIT
}
die() {
  trap - EXIT
  # What runs on a node ends with who runs it: a script must not go on.
  [ -z "$ON_NODE" ] || kill -KILL "$PPID"
  echo 'the harness was killed' >&2
  exit 137
}

# A unit as systemd calls it.
unit() {
  case $1 in *.service | *.timer) echo "$1" ;; *) echo "$1.service" ;; esac
}

# What these programs remove for themselves is no change of its own.
rm() { "$M/bin/rm.real" "$@"; }
