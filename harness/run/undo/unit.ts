import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { onNode } from './on-node.ts';

/**
 * `$1` mark, `$2` unit. Its timers first, so that they cannot fire into what follows. A stopped process (SIGSTOP) neither dies nor
 * answers, hence SIGCONT before the start, which waits until the unit is up.
 */
const revive = `command -v systemctl >/dev/null || { echo 'the node has no systemctl' >&2; exit 1; }
for timer in $(systemctl list-units --all --plain --no-legend "ordeal-$1-*" | cut -d' ' -f1); do
  case $timer in *"$2"*) systemctl stop "$timer"; systemctl reset-failed "$timer" 2>/dev/null;; esac
done
systemctl kill -s CONT "$2" 2>/dev/null
systemctl reset-failed "$2" 2>/dev/null
systemctl start "$2"
for round in $(seq 60); do
  systemctl is-active --quiet "$2" && exit 0
  sleep 0.5
done
systemctl is-active "$2" >&2
exit 1`;

export function startUnit(debt: Extract<Debt, { undo: 'start-unit' }>, clients: Clients): Promise<void> {
  const { unit, mark } = debt;
  return onNode(debt, clients, async (run) => {
    await run(`${unit} does not start`, ['sh', '-c', revive, 'sh', mark, unit], 90_000);
  });
}
