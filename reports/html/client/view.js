/* The data, the part of the run in view, and what everything drawn shares. Text goes in by textContent alone. */

globalThis.ordeal = (() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const first = data.phases[0];
  const last = data.phases[data.phases.length - 1];
  const home = first
    ? { from: first.from, to: Math.max(last.to, first.from + 1) }
    : { from: 0, to: Math.max(1, data.end) };
  const whole = { from: 0, to: Math.max(1, data.end, home.to) };
  const view = { ...home, pin: undefined, cursor: undefined };
  const listeners = [];
  const cursorListeners = [];

  /** Shows this part of the run everywhere; never outside the run, never less than half a second. */
  function show(from, to) {
    const width = Math.min(whole.to - whole.from, Math.max(0.5, to - from));
    const start = width === to - from ? from : (from + to - width) / 2;
    view.from = Math.max(whole.from, Math.min(whole.to - width, start));
    view.to = view.from === from && width === to - from ? to : view.from + width;
    changed();
  }

  function changed() {
    for (const listener of listeners) listener(view);
  }

  function pointAt(seconds) {
    view.cursor = seconds;
    for (const listener of cursorListeners) listener(seconds);
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** Round numbers of seconds, about one for each 90 pixels. */
  function ticks(pixels) {
    const wanted = (view.to - view.from) / Math.max(2, pixels / 90);
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
    const step = steps.find((one) => one >= wanted) ?? 14400;
    const found = [];
    for (let index = Math.ceil(view.from / step); index * step <= view.to; index += 1) found.push(index * step);
    return found;
  }

  function moment(seconds) {
    const width = view.to - view.from;
    if (width > 300) return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
    return `${seconds.toFixed(width < 6 ? 1 : 0)} s`;
  }

  function digits(value) {
    const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
    return rounded.toLocaleString('en-US', { maximumFractionDigits: 9 });
  }

  /** A value as people read it, as format.ts writes it: 1.49 GB, 212 ms. */
  function figure(value, unit) {
    if (value === null || value === undefined) return '–';
    if (unit === 'bytes') {
      const power = Math.abs(value) < 1 ? 0 : Math.min(4, Math.floor(Math.log10(Math.abs(value) * 1.0005) / 3));
      return `${digits(value / 1000 ** power)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
    }
    if (unit === 'ratio') return `${digits(value * 100)}%`;
    if (unit !== 'seconds') return digits(value);
    return value !== 0 && Math.abs(value) < 0.9995 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
  }

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  return {
    data,
    home,
    whole,
    view,
    show,
    changed,
    pointAt,
    element,
    ticks,
    moment,
    figure,
    color,
    onView: (listener) => listeners.push(listener),
    onCursor: (listener) => cursorListeners.push(listener),
    axis: 62,
    margin: 12,
  };
})();
