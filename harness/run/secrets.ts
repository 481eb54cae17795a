import { redact } from '../secrets.ts';

/** JSON on one line, without secrets in any of its strings. */
export function jsonWithoutSecrets(value: object): string {
  const text = JSON.stringify(value);
  if (redact(text) === text) return text;
  return JSON.stringify(value, (_, item) => (typeof item === 'string' ? redact(item) : item));
}
