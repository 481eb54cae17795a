import { type ComponentFacts, type Node, ToolError } from '../../model.ts';
import { redact } from '../../secrets.ts';

/** What a node of each role runs, by the name of the program. Names that are also the names of a component's flags. */
const PROGRAMS = {
  'control-plane': ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'containerd'],
  worker: ['kubelet', 'containerd'],
} as const;

/** Prints for each process whose program has one of the names given: pid, oom_score_adj, version, arguments; tabs between. */
const LOOK = `
for folder in /proc/[0-9]*; do
  { read -r line < $folder/comm; } 2>/dev/null || continue
  for name in "$@"; do
    [ "$line" = "$(printf %.15s "$name")" ] || continue
    arguments=$(tr '\\0' '\\t' < $folder/cmdline)
    first=\${arguments%%"$(printf '\\t')"*}
    [ "\${first##*/}" = "$name" ] || continue
    version=$($folder/exe --version 2>/dev/null | tr '\\n\\t' '  ')
    printf '%s\\t%s\\t%s\\t%s\\n' "\${folder#/proc/}" "$(cat $folder/oom_score_adj)" "$version" "$arguments"
  done
done
exit 0`;

/** A component of a node as it runs; of workers' ones the name ends in `@<node>`. */
export interface Process extends ComponentFacts {
  readonly program: string;
  readonly node: string;
  readonly oomScoreAdj: number;
}

/** The components that run on a node; `pid` is a number of the node's own. Throws `ToolError` when one is missing. */
export async function processesOf(node: Node, signal: AbortSignal): Promise<Process[]> {
  const programs = PROGRAMS[node.role];
  const { stdout } = await node.exec(['sh', '-c', LOOK, 'look', ...programs], { signal, timeout: 30_000 });
  const found = stdout.split('\n').flatMap((line): Process[] => {
    const [pid = '', oomScoreAdj = '', said = '', argv0, ...args] = line.split('\t');
    const program = argv0?.slice(argv0.lastIndexOf('/') + 1);
    if (program === undefined) return [];
    const version = /\d+\.\d+\.\d+[\w.+-]*/.exec(said)?.[0] ?? 'unknown';
    const name = node.role === 'control-plane' ? program : `${program}@${node.name}`;
    // The shell ends the arguments with a tab too.
    const rest = args.filter((argument, index) => argument !== '' || index < args.length - 1).map(redact);
    return [
      { name, program, node: node.name, version, pid: Number(pid), args: rest, oomScoreAdj: Number(oomScoreAdj) },
    ];
  });
  const missing = programs.filter((program) => !found.some((process) => process.program === program));
  if (missing.length === 0) return found;
  throw new ToolError(`${missing.join(', ')} cannot be seen on ${node.name}`, { command: 'ps', lastLines: [] });
}
