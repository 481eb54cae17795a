/**
 * Text that came from a cluster is hostile: it may hold escape sequences, markup, and marks that turn the reading order.
 * `plain` takes the invisible away (terminal, JUnit); `visible` shows it (HTML, Markdown).
 */
import { stripVTControlCharacters } from 'node:util';

/** Bidirectional controls and zero-width characters: they change what a reader sees without being seen. */
const invisible = /[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\u0000-\u001f\u007f-\u009f]/gu;

/** One line without escape sequences, control characters or reordering marks. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/gu, ' ')
    .replace(control, '')
    .replace(invisible, '')
    .toWellFormed()
    .trim();
}

/** Every invisible character replaced by a picture or a code of it; line ends and tabs stay. */
export function visible(text: string): string {
  return text
    .replace(/\r\n/gu, '\n')
    .replace(control, (character) => {
      const code = character.charCodeAt(0);
      if (character === '\n' || character === '\t') return character;
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '␡' : coded(code);
    })
    .replace(invisible, (character) => coded(character.charCodeAt(0)))
    .toWellFormed();
}

function coded(code: number): string {
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Cuts to a width in characters, with an ellipsis. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Keeps the end: names of nodes differ there. */
export function cutBefore(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width
    ? text
    : `…${characters.slice(characters.length - Math.max(0, width - 1)).join('')}`;
}

/** Breaks at spaces, and within a word only where it is longer than the width. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  const size = Math.max(1, width);
  const words = text.split(' ').flatMap((word) => word.match(new RegExp(`.{1,${size}}`, 'gu')) ?? ['']);
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
