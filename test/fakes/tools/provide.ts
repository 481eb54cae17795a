/** Another ordeal: provides what its one argument (JSON) says and prints the result as JSON; progress goes to stderr. */
import { provide, type ToolOptions, type ToolWish } from '../../../harness/tools/tools.ts';

const { wishes, options } = JSON.parse(process.argv[2] ?? '') as {
  wishes: ToolWish[];
  options: Omit<ToolOptions, 'signal' | 'progress'>;
};
const tools = await provide(wishes, {
  ...options,
  signal: new AbortController().signal,
  progress: (text) => console.error(text),
});
console.log(JSON.stringify([...tools.values()]));
