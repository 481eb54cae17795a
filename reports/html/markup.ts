/** HTML by a template that escapes whatever is put in: only markup made by the same template passes as it is. */
import { createHash } from 'node:crypto';
import { visible } from '../text.ts';

/** Told from data by its class: an object of a journal that merely looks like one is data. */
export class Markup {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}
type Slot = Markup | string | number | undefined | readonly Slot[];

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function html(parts: TemplateStringsArray, ...slots: readonly Slot[]): Markup {
  return new Markup(parts.map((part, index) => part + (index < slots.length ? filled(slots[index]) : '')).join(''));
}

function filled(slot: Slot): string {
  if (slot === undefined) return '';
  if (typeof slot === 'string') return visible(slot).replace(/[&<>"']/gu, (character) => entities[character] ?? '');
  if (typeof slot === 'number') return String(slot);
  if (slot instanceof Markup) return slot.markup;
  return Array.isArray(slot) ? slot.map(filled).join('') : filled(JSON.stringify(slot));
}

/** JSON that cannot end the element it stands in. */
export function inertJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replace(/</gu, '\\u003c'));
}

export interface Page {
  readonly title: string;
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
  readonly data?: unknown;
  readonly body: Markup;
}

/** A page that stands alone: no network, and only its own styles and scripts run, each known by its hash. */
export function document({ title, styles, scripts, data, body }: Page): string {
  const style = styles.join('\n');
  const code = scripts.map((script) => {
    if (/<\/script|<!--/iu.test(script)) throw new Error('a script of the report would end its own element');
    return script;
  });
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${code.length === 0 ? "'none'" : code.map(hash).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `${
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
${body}
${data === undefined ? undefined : html`<script type="application/json" id="data">${inertJson(data)}</script>`}
${code.map((script) => html`<script>${new Markup(script)}</script>\n`)}</body>
</html>`.markup
  }\n`;
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
