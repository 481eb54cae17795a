#!/usr/bin/env bash
# System packages for the tests on Debian and Ubuntu, and a running docker; embedded clusters need none of them.
#   chromium        reports are looked at in a real browser
#   iproute2        `ss`, to see that every socket is on loopback
#   docker.io       kind clusters
#   nginx-light     the proxy of the scenario ingress-hammer; never started as a service
#   busybox-static  containers of the tests
#   the rest        the node image of kind clusters, which is built from packages alone
set -euo pipefail
packages=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
command -v ss >/dev/null || packages+=(iproute2)
command -v dockerd >/dev/null || packages+=(docker.io)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || packages+=(iptables)
for package in busybox-static debootstrap debian-archive-keyring gcc libc6-dev libseccomp-dev; do
  [ -e "/usr/share/doc/$package" ] || dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
policy=/usr/sbin/policy-rc.d
# Left by a script that was killed: it would keep every service of every package from starting.
if grep -qsx '# ordeal' $policy; then $sudo rm -f $policy; fi

if [ ${#packages[@]} -gt 0 ]; then
  $sudo apt-get update -q
  # Since Debian 13 the client is a package of its own.
  if ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
  # Who is told to end meanwhile ends after apt: nothing may be started by a package that outlives this script.
  trap 'ended=143' TERM HUP
  if [ -d /run/systemd/system ]; then
    # The package would have nginx listen on every address, now and at each start of the host.
    if [[ " ${packages[*]} " == *' nginx-light '* && ! -e /etc/systemd/system/nginx.service ]]; then
      $sudo ln -s /dev/null /etc/systemd/system/nginx.service
      echo 'nginx is installed for tests and masked as a service: systemctl unmask nginx'
    fi
  elif [ ! -e $policy ]; then
    # Docker, too, would be started so that it lets containers out (see below).
    trap '$sudo rm -f $policy' EXIT
    printf '#!/bin/sh\n# ordeal\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
  fi
  installed=0
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${packages[@]}" || installed=$?
  if [[ " ${packages[*]} " == *' nginx-light '* && -e /etc/init.d/nginx ]]; then $sudo update-rc.d nginx disable; fi
  if grep -qsx '# ordeal' $policy; then $sudo rm -f $policy; fi
  trap - EXIT TERM HUP
  [ "${ended:-0}" -eq 0 ] || exit "$ended"
  [ "$installed" -eq 0 ] || exit "$installed"
fi

answers() { timeout 5 docker version >/dev/null 2>&1; }
without() { echo "docker does not answer: $1; tests on kind clusters are skipped"; exit 0; }

answers && exit 0
[ -z "${DOCKER_HOST:-}" ] || without "DOCKER_HOST is $DOCKER_HOST"
[ -z "$sudo" ] || command -v sudo >/dev/null || without 'starting it takes root'
log=$(mktemp "${TMPDIR:-/tmp}/ordeal-dockerd.XXXXXXXX.log")
if [ -d /run/systemd/system ]; then
  $sudo systemctl start docker >"$log" 2>&1 || without "$(tail -n 1 "$log")"
else
  # The host's net.ipv4.ip_forward stays as it is, and containers reach nothing beyond their bridge.
  $sudo setsid dockerd --ip-forward=false --ip-masq=false >"$log" 2>&1 </dev/null &
  pid=$!
fi
for _ in $(seq 60); do
  answers && exit 0
  [ -z "${pid:-}" ] || [ -d "/proc/$pid" ] || break
  sleep 0.5
done
[ -z "$sudo" ] || ! $sudo docker version >/dev/null 2>&1 || without "to root only; join the group docker: sudo usermod -aG docker $(id -un)"
without "$(tail -n 1 "$log") ($log)"
