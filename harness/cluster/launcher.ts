import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessId, signFile } from '../process.ts';

export interface Launched {
  /** The component itself. */
  readonly child: ProcessId;
  readonly launcher: ProcessId;
}

export interface Ending {
  /** As the shell says it: 128 + signal, or the exit code. */
  readonly status: number;
  /** Seconds since the host's start, hundredths. */
  readonly uptime: number;
}

export interface LauncherOptions {
  readonly component: string;
  /** Absolute path of the real program. */
  readonly program: string;
  /** Where `<component>.pid`, `.exit` and `.version` are written. */
  readonly folder: string;
  readonly mark: string;
  readonly group?: string;
  /** Another one, for CPU time. */
  readonly cpuGroup?: string;
  /** Wait until this file exists. */
  readonly gate?: string;
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * What kwokctl starts instead of a component. It puts the component into its control group before the first instruction,
 * remembers which process it is, passes signals on, and records how it ended. Asked for `--version` it answers as the program does.
 */
export function launcher(options: LauncherOptions): string {
  const state = join(options.folder, options.component);
  return `#!/bin/sh
# Starts ${options.component} of an ordeal cluster and records how it ends.
program=${quote(options.program)}
state=${quote(state)}
group=${quote(options.group ?? '')}
cpus=${quote(options.cpuGroup ?? '')}
gate=${quote(options.gate ?? '')}
ORDEAL_MARK=${quote(options.mark)}
export ORDEAL_MARK
# For a program that writes over its environment: it and its children keep the descriptor.
exec 9>> ${quote(join(options.folder, signFile(options.mark)))}
if [ "\${1-}" = --version ]; then
  version=$("$program" --version) || exit
  printf '%s\\n' "$version" > "$state.version"
  printf '%s\\n' "$version"
  exit 0
fi
started() {
  line=
  read -r line < "/proc/$1/stat"
  set -- \${line##*) }
  start=\${20-}
}
while [ -n "$gate" ] && [ ! -e "$gate" ]; do sleep 0.05; done
join() { [ -z "$1" ] || echo 0 > "$1/cgroup.procs"; }
# A subshell that execs: only the component joins the group, so the group's killer leaves the launcher alone.
if [ -n "$group$cpus" ]; then
  (join "$group" && join "$cpus" && exec "$program" "$@") &
else
  "$program" "$@" &
fi
child=$!
trap 'signalled=1; kill -TERM "$child"' TERM
trap 'signalled=1; kill -INT "$child"' INT
# A program that ended at once may have no entry any more; it then has no start, and counts as dead.
{ started "$$"; own=$start; started "$child"; } 2> /dev/null
# What nobody can know of must not run: the disk may be full.
printf '%s %s %s %s\\n' "$child" "\${start:-0}" "$$" "$own" > "$state.pid" || { kill -KILL "$child"; exit 1; }
status=
while :; do
  signalled=
  wait "$child"
  code=$?
  [ "$code" = 127 ] && [ -n "$status" ] || status=$code
  # A signal that came through cut the waiting short: only waiting again tells how the program ended.
  [ -n "$signalled" ] || break
done
read -r uptime rest < /proc/uptime
printf '%s %s\\n' "$status" "$uptime" > "$state.exit"
exit "$status"
`;
}

/** Which processes the launcher and its component are; undefined while it has not started it. */
export function launched(folder: string, component: string): Launched | undefined {
  const words = line(join(folder, `${component}.pid`));
  if (!words) return undefined;
  const [pid = '', start = '', launcherPid = '', launcherStart = ''] = words;
  return {
    child: { pid: Number(pid), start },
    launcher: { pid: Number(launcherPid), start: launcherStart },
  };
}

/** How the component ended, as the launcher saw it; undefined while it runs. */
export function ending(folder: string, component: string): Ending | undefined {
  const words = line(join(folder, `${component}.exit`));
  return words && { status: Number(words[0]), uptime: Number(words[1]) };
}

/** The words of a file's only line; undefined when it is not there or not written to its end. */
function line(file: string): string[] | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith('\n') ? text.trim().split(' ') : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
