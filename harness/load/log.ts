const kept = 5;
/** Of a line, in characters. */
const longest = 4096;

/** Keeps the last few lines that k6 logged, for people, without secrets. */
export class LastLines {
  readonly #secrets: readonly string[];
  #raw: string[] = [];

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.filter((secret) => secret !== '');
  }

  add(line: string): void {
    if (line.trim() === '') return;
    // A secret that was cut in two would not be known as one.
    this.#raw.push(this.#redact(line).slice(0, longest));
    if (this.#raw.length > 4 * kept) this.#raw = this.#raw.slice(-2 * kept);
  }

  get lines(): readonly string[] {
    const texts = this.#raw.map((line) => this.#redact(messageOf(line)).slice(0, 500));
    return [...new Set(texts)].slice(-kept);
  }

  #redact(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '[secret]'), text);
  }
}

/** k6 logs JSON objects; whatever else comes (a crash, another program in its place) is kept as it is. */
function messageOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { msg, error } = JSON.parse(line) as { msg?: string; error?: string };
    return [msg, error].filter(Boolean).join(': ');
  } catch (error) {
    if (error instanceof SyntaxError) return line;
    throw error;
  }
}
