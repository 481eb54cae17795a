import { resolve } from 'node:path';
import { saveImage, tagImage } from '../tools/node-image/docker.ts';
import { nodeImage } from '../tools/node-image.ts';
import { type Ambient, plain } from './ambient.ts';
import { toolOptions } from './needs.ts';

export interface KindNodeImageOptions {
  readonly tag?: string;
  readonly save?: string;
  readonly force?: boolean;
  readonly toolsDir?: string;
}

/** Builds the node image for kind, or finds it built, and prints its reference. Exit 0; rejects with ToolError. */
export async function kindNodeImage(options: KindNodeImageOptions, ambient: Ambient): Promise<number> {
  const { toolsDir, tag, save, force = false } = options;
  const from = {
    ...toolOptions(toolsDir === undefined ? {} : { toolsDir }, ambient),
    progress: (text: string) => ambient.err.write(plain(text)),
  };
  const { reference } = await nodeImage(from, { anew: force });
  if (tag !== undefined) await tagImage(reference, tag, from);
  if (save !== undefined) {
    const file = resolve(ambient.cwd, save);
    await saveImage(tag ?? reference, file, from);
    ambient.err.write(plain(`${file}: take it along, and there: docker load --input ${file}`));
  }
  ambient.out.write(plain(reference));
  return 0;
}
