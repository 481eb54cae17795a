/* What the reader does: zoom by button and key, jump to a finding, find a happening in the table. */

(() => {
  const { data, home, whole, view, show, changed, element, charts, resize } = ordeal;
  const timeline = document.getElementById('timeline');
  const tools = document.getElementById('tools');

  function button(text, does, label) {
    const made = element('button', '', text);
    made.type = 'button';
    if (label) made.setAttribute('aria-label', label);
    made.addEventListener('click', does);
    tools.append(made);
  }

  function zoom(factor) {
    const middle =
      view.pin !== undefined && view.pin >= view.from && view.pin <= view.to ? view.pin : (view.from + view.to) / 2;
    const half = ((view.to - view.from) * factor) / 2;
    show(middle - half, middle + half);
  }

  function reset() {
    view.pin = undefined;
    show(home.from, home.to);
  }

  button('All phases', reset);
  for (const { name, from, to } of data.phases)
    button(name, () => show(from - (to - from) * 0.03, to + (to - from) * 0.03), `Zoom to phase ${name}`);
  button('With set-up', () => show(whole.from, whole.to));
  button('−', () => zoom(1.6), 'Zoom out');
  button('+', () => zoom(1 / 1.6), 'Zoom in');

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !timeline.contains(document.activeElement)) return;
    const step = (view.to - view.from) * 0.15;
    const keys = {
      ArrowLeft: () => show(view.from - step, view.to - step),
      ArrowRight: () => show(view.from + step, view.to + step),
      '+': () => zoom(1 / 1.6),
      '=': () => zoom(1 / 1.6),
      '-': () => zoom(1.6),
      0: reset,
      Escape: reset,
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  });
  timeline.tabIndex = 0;

  /** Zooms to a moment and marks it in every chart; brings the metric's own chart into view. */
  function jump({ at, phase, metric }) {
    const span = data.phases.find(({ name }) => name === phase) ?? home;
    view.pin = at;
    if (at === undefined) show(span.from, span.to);
    else {
      const half = Math.max(4, (home.to - home.from) * 0.09);
      show(at - half, at + half);
    }
    const row = document.getElementById(`panel-${metric}`) ?? timeline;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    row.scrollIntoView({ block: row === timeline ? 'start' : 'center', behavior: calm ? 'auto' : 'smooth' });
    for (const one of document.querySelectorAll('.panel.found')) one.classList.remove('found');
    if (row !== timeline) row.classList.add('found');
    timeline.focus({ preventScroll: true });
  }

  for (const one of document.querySelectorAll('.jump'))
    one.addEventListener('click', () => {
      const { index, failure } = one.dataset;
      jump(failure === undefined ? data.findings[Number(index)] : data.failures[Number(failure)]);
    });

  function happenings() {
    const section = document.getElementById('happenings');
    if (data.happenings.length === 0) {
      section.append(element('p', 'quiet', 'Nothing died, and no event or log line was recorded.'));
      return;
    }
    const table = element('table', 'happenings');
    const head = element('tr');
    for (const name of ['Moment', 'What', 'Of', 'Detail']) {
      const cell = element('th', '', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const body = element('tbody');
    data.happenings.forEach(({ what, subject, detail, times, count }, index) => {
      const row = element('tr', what);
      row.id = `happening-${index}`;
      row.tabIndex = -1;
      const go = element('button', 'jump', `${times[0].toFixed(1)} s`);
      go.type = 'button';
      go.addEventListener('click', () => jump({ at: times[0] }));
      const moment = element('td', 'number');
      moment.append(go);
      const said = element('td', 'detail', detail);
      if (count > 1)
        said.append(
          element(
            'small',
            '',
            `${count} times, last at ${times.at(-1).toFixed(1)} s${count > times.length ? ' or later' : ''}`,
          ),
        );
      row.append(moment, element('td', 'what', what), element('td', 'subject', subject), said);
      body.append(row);
    });
    const top = element('thead');
    top.append(head);
    table.append(top, body);
    const scroller = element('div', 'scroller');
    scroller.append(table);
    section.append(scroller);
    if (data.left > 0) section.append(element('p', 'quiet', `${data.left} more are in journal.ndjson.`));
  }

  happenings();
  for (const query of ['(prefers-color-scheme: dark)', 'print'])
    matchMedia(query).addEventListener('change', () => changed());
  let waiting = 0;
  addEventListener('resize', () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(resize);
  });
  addEventListener('beforeprint', () => {
    document.documentElement.classList.add('paper');
    for (const details of document.querySelectorAll('details')) details.open = true;
    resize();
  });
  addEventListener('afterprint', () => {
    document.documentElement.classList.remove('paper');
    resize();
  });
  changed();
  document.documentElement.dataset.ready = String(charts.length);
})();
