/** What is throttled: per second, for reads and for writes each; undefined is no limit. */
export interface Quota {
  readonly iops: number | undefined;
  readonly bytesPerSecond: number | undefined;
}

/**
 * The bash program that holds a quota on a node: `hold` limits the control groups of kubelet, containerd, every container and
 * the canary, and those that appear later, within half a second, and says what each was asked for: `<uptime, s> <group> <reads>
 * <writes> <bytes read> <bytes written>`. `check` reads the limits back: `held <group>`, or `unheld <file>: <what it says>`. `lift`
 * takes the limits away. cgroup v1 throttles each group by itself, so every one has the whole quota; v2 is hierarchical, so that all
 * pods share one.
 */
export const throttleScript = (device: string, quota: Quota, canary: string): string => `#!/bin/bash
device=${device}
iops=${quota.iops ?? ''}
bps=${quota.bytesPerSecond ?? ''}
root=/sys/fs/cgroup
v1=
[ -d $root/blkio ] && v1=1 root=$root/blkio

groups() {
  local depth=1
  [ -n "$v1" ] && depth=32
  find $root/kube* -mindepth 0 -maxdepth $((depth - 1)) -type d 2>/dev/null
  ls -d $root/system.slice/{containerd,kubelet,${canary}}.service 2>/dev/null
}

has() { # file, limit
  local line
  while read -r line; do [ "$line" = "$2" ] && return; done < "$1"
  return 1
}

put() { has "$1" "$2" || echo "$2" > "$1"; } # file, limit

each() { # group, what to do with each of its files and the limit it should have
  if [ -z "$v1" ]; then
    $2 $1/io.max "$device rbps=\${bps:-max} wbps=\${bps:-max} riops=\${iops:-max} wiops=\${iops:-max}"
    return
  fi
  local way
  for way in read write; do
    [ -z "$iops" ] || $2 $1/blkio.throttle.\${way}_iops_device "$device $iops" || return
    [ -z "$bps" ] || $2 $1/blkio.throttle.\${way}_bps_device "$device $bps" || return
  done
}

count() { # file: the device's reads and writes
  local which way number
  reads=0 writes=0
  while read -r which way number; do
    [ "$which" = "$device" ] || continue
    [ "$way" = Read ] && reads=$number
    [ "$way" = Write ] && writes=$number
  done < "$1"
}

say() {
  local up rest word rios=0 wios=0 rbytes=0 wbytes=0
  read -r up rest < /proc/uptime
  if [ -n "$v1" ]; then
    count $1/blkio.throttle.io_serviced; rios=$reads wios=$writes
    count $1/blkio.throttle.io_service_bytes; rbytes=$reads wbytes=$writes
  else
    while read -r which rest; do
      [ "$which" = "$device" ] || continue
      for word in $rest; do case $word in rios=*|wios=*|rbytes=*|wbytes=*) local "$word";; esac; done
    done < $1/io.stat
  fi
  echo "$up \${1#$root/} $rios $wios $rbytes $wbytes"
}

lift() {
  local file way unit
  if [ -z "$v1" ]; then
    for file in $(groups); do echo "$device rbps=max wbps=max riops=max wiops=max" > $file/io.max; done
    return
  fi
  for file in $(find $root -name 'blkio.throttle.*_device'); do
    { read -r line < $file && [ -n "$line" ] && echo "$device 0" > $file; } 2>/dev/null
  done
}

unheld() { # file, limit
  has "$1" "$2" && return
  echo "unheld \${1#$root/}: $(tr '\\n' ' ' < "$1")"
  return 1
}

check() {
  local group said waited=
  for group in $(groups); do
    # Those that have just come are limited soon.
    each $group has || [ -n "$waited" ] || { waited=1; sleep 2; }
    said=$(each $group unheld)
    [ -d $group ] && echo "\${said:-held \${group#$root/}}"
  done 2>/dev/null
}

case $1 in
  lift) lift; exit 0;;
  check) check; exit 0;;
esac
while :; do
  # Control groups come and go meanwhile.
  for group in $(groups); do { each $group put; say $group; } 2>/dev/null; done
  sleep 0.5
done
`;

/** Bursts of synced writes that last about a second under the quota. */
export interface Burst {
  readonly writes: number;
  /** Bytes of each. */
  readonly block: number;
}

export function burstUnder({ iops = Infinity, bytesPerSecond = Infinity }: Quota): Burst {
  // A write must take far longer under the quota than without it: a quarter of a second where bytes are limited.
  const block =
    bytesPerSecond === Infinity
      ? 4096
      : Math.min(2 ** 20, Math.max(4096, Math.floor(bytesPerSecond / 4096 / 4) * 4096));
  const served = Math.min(iops, bytesPerSecond / block);
  return { block, writes: Math.min(2_000, Math.max(4, Math.ceil(served))) };
}

/** The bash program of the canary: bursts, a second apart; says of each `<microseconds> <writes>`. */
export const canaryScript = (file: string, { writes, block }: Burst): string => `#!/bin/bash
burst() { dd if=/dev/zero of=${file} bs=${block} count=${writes} oflag=direct,dsync conv=notrunc status=none; }
burst
while :; do
  began=\${EPOCHREALTIME//[^0-9]/}
  burst || exit 1
  ended=\${EPOCHREALTIME//[^0-9]/}
  echo "$((ended - began)) ${writes}"
  sleep 1
done
`;
