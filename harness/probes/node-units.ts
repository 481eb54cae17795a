import { type Node, type NodeUnit, type Run, ToolError } from '../model.ts';

const units: readonly NodeUnit[] = ['kubelet', 'containerd'];
const command = ['systemctl', 'show', '-p', 'Id,ActiveState,SubState,NRestarts', ...units];

/** What systemd says of the units of one node: one process on the node a time. */
export class NodeUnits {
  readonly #run: Run;
  readonly #node: Node;
  readonly #states = new Map<string, string>();

  constructor(run: Run, node: Node) {
    this.#run = run;
    this.#node = node;
  }

  /** Rejects with `ToolError` when the node or its systemd does not answer within 4 s. */
  async look(): Promise<() => void> {
    const { exitCode, stdout, stderr } = await this.#node.exec(command, { timeout: 4_000, signal: this.#run.signal });
    const said = stdout
      .split('\n\n')
      .map(fieldsOf)
      .filter((fields) => fields.has('Id'));
    if (exitCode !== 0 || said.length < units.length) {
      const details = { command: command.join(' '), exitCode, lastLines: stderr.split('\n').slice(-5) };
      throw new ToolError(`systemd of ${this.#node.name} does not tell of its units`, details);
    }
    return () => {
      for (const fields of said) this.#write(fields);
    };
  }

  #write(fields: ReadonlyMap<string, string>): void {
    const { journal } = this.#run;
    const node = this.#node.name;
    const unit = (fields.get('Id') ?? '').replace(/\.service$/, '');
    const labels = { node, unit };
    const state = `${fields.get('ActiveState')} (${fields.get('SubState')})`;
    const active = fields.get('ActiveState') === 'active' ? 1 : 0;
    journal.append({ kind: 'sample', metric: 'node.unit.active', labels, value: active });
    journal.append({
      kind: 'sample',
      metric: 'node.unit.restarts',
      labels,
      value: Number(fields.get('NRestarts') ?? 0),
    });
    const before = this.#states.get(unit);
    this.#states.set(unit, state);
    if (before === undefined || before === state) return;
    journal.append({ kind: 'seen', what: 'other', subject: `${node} ${unit}`, detail: `${before} → ${state}`, labels });
  }
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}
