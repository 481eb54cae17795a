import { RefusedError } from '../model.ts';
import { isProgram, onPath, versionOf } from './find.ts';
import type { Tool, ToolOptions } from './tools.ts';

/** Programs that come with the system alone: how each tells its version, and the package that has it. */
const table = { nginx: { versionArgs: ['-v'], from: 'nginx-light of Debian and Ubuntu' } } as const;
export type SystemName = keyof typeof table;

/** Where packages put what only an administrator has on PATH. */
const beyondPath = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export const isSystem = (name: string): name is SystemName => Object.hasOwn(table, name);

/** The program in the named folder, on PATH, or where systems keep their servers. Throws RefusedError with its package. */
export async function systemTool(name: SystemName, options: ToolOptions): Promise<Tool> {
  const { path, folder } = options;
  const named = folder === undefined ? [] : onPath(name, folder);
  for (const file of [...named, ...onPath(name, [path, ...beyondPath].join(':'))]) {
    if (!(await isProgram(file))) continue;
    const { version } = await versionOf({ entry: table[name] }, file, options);
    return { name, version, path: file, source: named.includes(file) ? 'named' : 'path', expected: version };
  }
  throw new RefusedError(`there is no ${name} here: install ${table[name].from}`);
}
