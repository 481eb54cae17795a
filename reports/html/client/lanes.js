/* The strip with phases and seconds, and the lanes: faults, gaps, deaths, events, log lines, node conditions. */

(() => {
  const { data, view, onView, onCursor, element, ticks, moment, axis, margin } = ordeal;
  const tracks = [];
  const tip = element('div', 'tip');
  tip.hidden = true;
  document.body.append(tip);

  function track(parent, name, className) {
    const row = element('div', `row lane ${className}`);
    const label = element('div', 'label');
    label.append(element('span', 'name', name));
    const space = element('div', 'track');
    row.append(label, space);
    parent.append(row);
    return space;
  }

  function explain(target, text) {
    target.setAttribute('title', text.slice(0, 400));
    target.addEventListener('pointerenter', () => {
      target.removeAttribute('title');
      tip.textContent = text;
      tip.hidden = false;
      const box = target.getBoundingClientRect();
      tip.style.left = `${Math.max(8, Math.min(innerWidth - tip.offsetWidth - 8, box.left))}px`;
      tip.style.top = `${box.bottom + tip.offsetHeight + 10 > innerHeight ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
    });
    target.addEventListener('pointerleave', () => {
      tip.hidden = true;
    });
  }

  function place(target, from, to) {
    const width = view.to - view.from;
    const left = (Math.max(from, view.from) - view.from) / width;
    const right = (Math.min(to, view.to) - view.from) / width;
    target.hidden = to < view.from || from > view.to;
    target.style.left = `${left * 100}%`;
    target.style.width = `${Math.max(0, right - left) * 100}%`;
  }

  function strip() {
    const space = track(document.getElementById('strip'), '', 'strip');
    const clock = space.parentElement.querySelector('.label');
    const bands = data.phases.map(({ name, from, to }, index) => {
      const made = element('div', `phase ${name === 'fault' ? 'fault' : index % 2 ? 'odd' : 'even'}`);
      made.append(element('span', '', name));
      space.append(made);
      return () => place(made, from, to);
    });
    const marks = element('div', 'ticks');
    space.append(marks);
    tracks.push(() => {
      for (const band of bands) band();
      marks.replaceChildren(
        ...ticks(space.clientWidth).map((at) => {
          const tick = element('span', 'tick', moment(at));
          tick.style.left = `${((at - view.from) / (view.to - view.from)) * 100}%`;
          return tick;
        }),
      );
    });
    const say = () => {
      const at = view.cursor ?? view.pin;
      clock.textContent = at === undefined ? 'seconds since the run began' : `${at.toFixed(1)} s`;
    };
    onCursor(say);
    tracks.push(say);
  }

  function spans({ name, kind, spans: all }, parent) {
    const space = track(parent, name, kind);
    const bars = all.map(({ from, to, state, text }) => {
      const bar = element('div', `span ${state}`);
      explain(bar, `${from.toFixed(1)} s to ${to.toFixed(1)} s: ${text}`);
      space.append(bar);
      return () => place(bar, from, to);
    });
    tracks.push(() => {
      for (const bar of bars) bar();
    });
  }

  const names = {
    death: 'Deaths',
    event: 'Events',
    log: 'Log lines',
    load: 'Load',
    node: 'Node changes',
    pod: 'Pods',
    other: 'Other',
  };

  /** One mark for all that falls within a few pixels. */
  function marks(what, parent) {
    const rows = data.happenings.filter((row) => row.what === what);
    const moments = rows.flatMap((row) => row.times.map((at) => ({ at, row }))).sort((a, b) => a.at - b.at);
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    const space = track(parent, `${names[what] ?? what} ${count}`, `marks ${what}`);
    tracks.push(() => {
      const perPixel = (view.to - view.from) / Math.max(1, space.clientWidth);
      const near = [];
      for (const one of moments) {
        if (one.at < view.from || one.at > view.to) continue;
        const last = near.at(-1);
        if (last && one.at - last[0].at < perPixel * 9) last.push(one);
        else near.push([one]);
      }
      space.replaceChildren(...near.map((some) => mark(what, some)));
      space.parentElement.hidden = near.length === 0;
    });
  }

  function mark(what, some) {
    const made = element('button', `mark ${what}`, some.length > 1 ? String(some.length) : '');
    made.type = 'button';
    made.tabIndex = -1;
    made.style.left = `${((some[0].at - view.from) / (view.to - view.from)) * 100}%`;
    const told = some.slice(0, 6).map(({ at, row }) => `${at.toFixed(1)} s  ${row.subject}: ${row.detail}`);
    const text = [...told, ...(some.length > 6 ? [`and ${some.length - 6} more`] : [])].join('\n');
    made.setAttribute('aria-label', text);
    explain(made, text);
    made.addEventListener('click', () =>
      document.getElementById(`happening-${data.happenings.indexOf(some[0].row)}`)?.focus(),
    );
    return made;
  }

  const top = document.getElementById('lanes-top');
  const nodes = document.getElementById('lanes-nodes');
  strip();
  for (const lane of data.lanes.filter(({ kind }) => kind === 'fault')) spans(lane, top);
  for (const lane of data.lanes.filter(({ kind }) => kind === 'failure')) spans(lane, top);
  for (const what of Object.keys(names)) if (data.happenings.some((row) => row.what === what)) marks(what, top);
  for (const lane of data.lanes.filter(({ kind }) => kind === 'gap')) spans(lane, top);
  const conditions = data.lanes.filter(({ kind }) => kind === 'node');
  if (conditions.length > 0 || data.quiet) nodes.append(element('h3', 'group', 'Nodes'));
  for (const lane of conditions) spans(lane, nodes);
  if (data.quiet) nodes.append(element('p', 'quiet', data.quiet));

  const line = element('div', 'cursor-line');
  document.getElementById('strip').append(line);
  onCursor((at) => {
    const space = document.querySelector('#strip .track');
    line.hidden = at === undefined;
    if (at !== undefined)
      line.style.left = `${space.offsetLeft + ((at - view.from) / (view.to - view.from)) * space.clientWidth}px`;
  });
  line.hidden = true;
  document.documentElement.style.setProperty('--axis', `${axis}px`);
  document.documentElement.style.setProperty('--margin', `${margin}px`);
  onView(() => {
    for (const redraw of tracks) redraw();
  });
})();
