import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const imported = /\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g;

/** Whether a k6 script, or a file that it imports by a relative path, imports an extension of k6 (`k6/x/…`). */
export function importsExtension(script: string, seen = new Set<string>()): boolean {
  // What is not there is k6's to complain about.
  if (seen.has(script) || !existsSync(script)) return false;
  seen.add(script);
  const names = [...readFileSync(script, 'utf8').matchAll(imported)].map(([, name = '']) => name);
  return names.some(
    (name) =>
      name.startsWith('k6/x/') || (name.startsWith('.') && importsExtension(resolve(dirname(script), name), seen)),
  );
}
