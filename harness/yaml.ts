import { Lexer } from 'yaml';

/** Tokens of the lexer that stand for no character: a document's begin, the end of a flow that is none, a scalar's begin. */
const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f']);

/** Levels: what somebody wrote by hand has far fewer. */
export const DEEPEST = 100;

/**
 * Where flow collections, or the indicators of one line (`- - -`, `? ? ?`), are nested more deeply than `DEEPEST`; undefined where nowhere.
 * The parser calls itself for each level; where its stack ends it catches that in each of them and goes on, which may take for ever.
 */
export function tooDeepAt(source: string): number | undefined {
  let [offset, flow, indicators] = [0, 0, 0];
  for (const token of new Lexer().lex(source)) {
    if (token === '[' || token === '{') flow += 1;
    else if (token === ']' || token === '}') flow -= 1;
    else if (token === '-' || token === '?') indicators += 1;
    else if (token === '\n' || token === '\r\n') indicators = 0;
    if (flow + indicators > DEEPEST) return offset;
    if (!MARKS.has(token)) offset += token.length;
  }
  return undefined;
}
