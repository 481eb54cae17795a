/**
 * What a shell on a node says of it, section by section: `== name`, then lines; `!! reason` where the node has no such program. It reads
 * only, and needs nothing but a POSIX shell, grep and find besides what it names.
 */
export const nodeScript = `
ask() { # program, arguments
  command -v "$1" >/dev/null 2>&1 || { echo "!! there is no $1"; return; }
  "$@" 2>/dev/null || echo "!! $1 failed"
}
echo '== processes'
read -r up rest < /proc/uptime
up=\${up%%.*}
hertz=$(getconf CLK_TCK 2>/dev/null || echo 100)
for folder in /proc/[0-9]*; do
  read -r line < $folder/stat || continue
  set -- \${line##*) }
  [ "$2" = 2 ] && continue
  # Its name may hold anything, also what ends a line.
  case \${20} in ''|*[!0-9]*) continue;; esac
  age=$((up - \${20} / hertz))
  group=
  while IFS= read -r line; do
    case $line in 0::*|*:name=systemd:*) group=\${line#*:*:}; [ "$group" = / ] || break;; esac
  done < $folder/cgroup
  read -r name < $folder/comm
  printf '%s %s %s %s\\n' "\${folder#/proc/}" "$age" "$group" "$name"
done 2>/dev/null
echo '== marks'
grep -aHo 'ordeal-[0-9a-f]\\{16\\}' /proc/[0-9]*/cmdline 2>/dev/null
echo '== mounts'
cat /proc/1/mountinfo
echo '== limits'
find /sys/fs/cgroup -type f \\( -name memory.max -o -name memory.high -o -name cpu.max -o -name io.max -o -name cgroup.freeze \\
  -o -name memory.limit_in_bytes -o -name cpu.cfs_quota_us -o -name freezer.state -o -name 'blkio.throttle.*_device' \\) \\
  -exec grep -H . {} + 2>/dev/null | grep -Ev ':(max|max [0-9]+|-1|0|THAWED|9223372036854771712)$'
echo '== qdiscs'
ask tc qdisc show
echo '== rules'
for program in iptables-save ip6tables-save; do
  echo "@ $program"
  ask $program
done
echo '== tables'
if command -v nft >/dev/null 2>&1; then
  { nft list tables 2>/dev/null || echo '!! nft failed'; } | while read -r table family name; do
    [ "$table" = '!!' ] && { echo '!! nft failed'; continue; }
    printf '%s %s %s|' "$table" "$family" "$name"
    nft -s list table $family $name 2>/dev/null | cksum
  done
else echo '!! there is no nft'; fi
echo '== files'
for path in /var/ordeal-* /run/ordeal-* /tmp/ordeal-* /var/lib/ordeal-* /etc/systemd/system/ordeal-* \\
  /run/systemd/system/ordeal-* /run/systemd/transient/ordeal-*; do
  [ -e "$path" ] && echo "there $path"
done
for path in /etc/kubernetes/manifests/* /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env /etc/containerd/config.toml \\
  /etc/systemd/system/*.service.d/* /etc/systemd/system/*.service; do
  [ -f "$path" ] && echo "$(cksum < "$path") $path"
done
echo '== sysctls'
for name in vm/overcommit_memory vm/panic_on_oom vm/swappiness vm/min_free_kbytes kernel/panic kernel/panic_on_oops kernel/pid_max \\
  kernel/threads-max fs/file-max fs/inotify/max_user_instances fs/inotify/max_user_watches net/core/somaxconn \\
  net/ipv4/ip_forward net/ipv4/ip_local_port_range net/ipv4/tcp_retries2 net/ipv4/tcp_keepalive_time net/ipv4/conf/all/rp_filter \\
  net/ipv4/tcp_max_syn_backlog net/netfilter/nf_conntrack_max net/bridge/bridge-nf-call-iptables; do
  # Not by read, which takes byte after byte: the kernel gives the first one only.
  [ -r /proc/sys/$name ] && echo "$name $(cat /proc/sys/$name)"
done 2>/dev/null
echo '== units'
if command -v systemctl >/dev/null 2>&1; then
  systemctl list-units --all --plain --no-legend --no-pager --type=service,timer,socket 2>/dev/null || echo '!! systemctl failed'
else echo '!! there is no systemctl'; fi
echo '== end'
`;
