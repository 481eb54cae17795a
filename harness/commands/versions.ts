/** Whether a version such as `1.36.3` lies in a range such as `>=1.31 <1.40`; one that is not known does. */
export function applies(range: string, version: string): boolean {
  const number = (text: string) =>
    text
      .split('.')
      .slice(0, 2)
      .reduce((sum, part) => sum * 1000 + Number(part), 0);
  const is = number(version);
  if (Number.isNaN(is)) return true;
  return range.split(/\s+/).every((part) => {
    const [, op = '', bound = ''] = /^([<>]=?|=)?v?(\d+\.\d+)/.exec(part) ?? [];
    const limit = number(bound);
    if (op === '>=') return is >= limit;
    if (op === '>') return is > limit;
    if (op === '<=') return is <= limit;
    return op === '<' ? is < limit : is === limit;
  });
}
