import { RefusedError } from '../../model.ts';
import { type KindCli, kindCli } from './cli.ts';

/** By the name under which scenarios ask for it. `archive` is a file as `docker save` writes it. */
export type Archives = ReadonlyMap<string, { readonly reference: string; readonly archive: string }>;

/** Loads images into every node, all at once. Throws `RefusedError` for one that is not there, `ToolError`. */
export async function loadImages(
  cli: KindCli,
  cluster: string,
  names: readonly string[],
  archives: Archives,
  signal: AbortSignal,
): Promise<void> {
  const files = names.map((name) => {
    const found = archives.get(name)?.archive;
    if (found !== undefined) return found;
    throw new RefusedError(`no image "${name}" was provided; there are: ${[...archives.keys()].join(', ') || 'none'}`);
  });
  const load = (file: string) =>
    kindCli(cli, ['load', 'image-archive', file, '--name', cluster], { signal, timeout: 120_000 });
  const results = await Promise.allSettled([...new Set(files)].map(load));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
