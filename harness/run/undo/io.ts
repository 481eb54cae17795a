import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { onNode } from './on-node.ts';

/**
 * `$1` mark, `$2` device. What keeps new control groups throttled goes first, with its scripts, which lie there before it is started;
 * two looks, as one may be made meanwhile.
 */
const lift = `systemctl stop "ordeal-$1-io*" 2>/dev/null
systemctl reset-failed "ordeal-$1-io*" 2>/dev/null
rm -f "/run/ordeal-$1-io"*
limited() { grep -rls --include='blkio.throttle.*ps_device' --include=io.max "^$2 " /sys/fs/cgroup; }
for look in 1 2; do
  limited "$@" | while read -r file; do
    case $file in
      */io.max) echo "$2 rbps=max wbps=max riops=max wiops=max" >"$file";;
      *) echo "$2 0" >"$file";;
    esac
  done
done
left=$(limited "$@")
[ -z "$left" ] || { echo "still limited: $left" >&2; exit 1; }`;

export function liftIoLimit(debt: Extract<Debt, { undo: 'lift-io-limit' }>, clients: Clients): Promise<void> {
  const { device, mark } = debt;
  return onNode(debt, clients, async (run) => {
    await run(`the limits of device ${device} stay`, ['sh', '-c', lift, 'sh', mark, device], 60_000);
  });
}
