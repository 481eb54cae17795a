/** `{{word}}` in a text: stands for what is known only when it is needed. */
const placeholder = /\{\{([^{}]*)\}\}/g;

export interface Placeholder {
  readonly word: string;
  /** Offset of its first bracket. */
  readonly at: number;
}

/** Every placeholder of a text, in its order. */
export function placeholders(text: string): Placeholder[] {
  return [...text.matchAll(placeholder)].map(({ 1: word = '', index: at }) => ({ word: word.trim(), at }));
}

/** The text with every placeholder replaced. Throws on a word without a value: these are looked at before anything starts. */
export function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(placeholder, (found, word: string) => {
    const value = values.get(word.trim());
    if (value === undefined) throw new Error(`no value for ${found}`);
    return value;
  });
}
