#!/usr/bin/env bash
# System packages for the tests on Debian and Ubuntu; ordeal itself needs none of them.
#   chromium  reports are looked at in a real browser
#   iproute2  `ss`, to see that every socket is on loopback
set -euo pipefail
packages=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
command -v ss >/dev/null || packages+=(iproute2)
[ ${#packages[@]} -eq 0 ] && exit 0
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
$sudo apt-get update -q
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${packages[@]}"
