/* One chart a metric, all on the same seconds and with one cursor. */

(() => {
  const { data, view, show, pointAt, onView, onCursor, element, figure, color, axis, margin, behind, above } = ordeal;
  const charts = [];
  const dashes = [[], [], [], [7, 3], [7, 3], [2, 3], [1, 3]];

  /** The index of the last point that is not later. */
  function before(x, at) {
    let low = 0;
    let high = x.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (x[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function valueAt({ x, y }, at) {
    const index = before(x, at);
    return index < 0 || at > x[x.length - 1] + 2 ? null : y[index];
  }

  function peak({ x, y }) {
    let most = null;
    for (let index = 0; index < y.length; index += 1)
      if (y[index] !== null && x[index] >= view.from && x[index] <= view.to && (most === null || y[index] > most))
        most = y[index];
    return most;
  }

  /** From zero, with room above, and with every limit that is not far off. */
  function range(panel) {
    return (_chart, low, high) => {
      const most = high ?? 1;
      const near = panel.lines.map(({ value }) => value).filter((value) => value <= most * 4 && value >= 0);
      const top = Math.max(most, ...near);
      return [Math.min(0, low ?? 0), top <= 0 ? 1 : top * 1.12];
    };
  }

  function options(panel, width, height) {
    return {
      width,
      height,
      padding: [6, margin, 6, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: 'run', filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
        points: { show: false },
        bind: { dblclick: () => () => show(ordeal.home.from, ordeal.home.to) },
      },
      scales: { x: { time: false, range: () => [view.from, view.to] }, y: { range: range(panel) } },
      axes: [
        { show: false },
        {
          size: axis,
          space: 30,
          stroke: () => color('muted'),
          font: '11px system-ui, sans-serif',
          grid: { stroke: () => color('grid'), width: 1 },
          ticks: { show: false },
          values: (_chart, splits) => splits.map((value) => figure(value, panel.unit)),
        },
      ],
      series: [
        {},
        ...panel.series.map((_one, index) => ({
          stroke: () => color(`series-${index}`),
          width: 1.75,
          dash: dashes[index] ?? [],
          points: { show: false },
        })),
      ],
      hooks: {
        drawClear: [behind(panel)],
        draw: [above(panel)],
        setSelect: [
          (chart) => {
            const { left, width: wide } = chart.select;
            if (wide > 6) show(chart.posToVal(left, 'x'), chart.posToVal(left + wide, 'x'));
            chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          },
        ],
        setCursor: [
          (chart) => {
            if (chart.cursor.event) pointAt(chart.cursor.left < 0 ? undefined : chart.posToVal(chart.cursor.left, 'x'));
          },
        ],
      },
    };
  }

  function legend(panel) {
    const list = element('ul', 'legend');
    const values = panel.series.map(({ name }, index) => {
      const item = element('li');
      const key = element('i', `key key-${index}`);
      const value = element('b');
      item.append(key, element('span', 'name', name || panel.metric.split('.').at(-1)), value);
      list.append(item);
      return value;
    });
    const fill = () => {
      panel.series.forEach((one, index) => {
        const value = view.cursor === undefined ? peak(one) : valueAt(one, view.cursor);
        values[index].textContent = `${view.cursor === undefined ? 'max ' : ''}${figure(value, panel.unit)}`;
      });
    };
    onCursor(fill);
    onView(fill);
    return list;
  }

  function add(panel, parent) {
    const row = element('div', 'row panel');
    row.id = `panel-${panel.metric}`;
    const label = element('div', 'label');
    const title = element('h3', '', panel.metric);
    if (panel.how) title.append(' ', element('small', '', panel.how));
    label.append(title);
    if (panel.help) label.append(element('p', 'help', panel.help));
    label.append(legend(panel));
    const plot = element('div', 'plot');
    plot.setAttribute('role', 'img');
    plot.setAttribute(
      'aria-label',
      `${panel.metric} ${panel.how}: ${panel.series.map((one) => `${one.name} at most ${figure(peak(one), panel.unit)}`).join('; ')}`,
    );
    row.append(label, plot);
    parent.append(row);
    const table =
      panel.series.length === 1
        ? [panel.series[0].x, panel.series[0].y]
        : uPlot.join(panel.series.map(({ x, y }) => [x, y]));
    const height = panel.group === 'more' ? 92 : 128;
    charts.push({
      chart: new uPlot(options(panel, plot.clientWidth, height), table, plot),
      plot,
      height,
      metric: panel.metric,
    });
  }

  const places = { load: 'panels', judged: 'panels', more: 'panels-more' };
  const titles = { load: 'Load', judged: 'Judged', more: 'More series' };
  let group;
  for (const panel of data.panels) {
    const parent = document.getElementById(places[panel.group]);
    if (panel.group !== group) parent.append(element('h3', 'group', titles[panel.group]));
    group = panel.group;
    add(panel, parent);
  }

  function redraw() {
    for (const { chart } of charts) chart.setScale('x', { min: view.from, max: view.to });
    for (const { chart } of charts) chart.redraw(false, true);
  }
  onView(redraw);
  ordeal.charts = charts;
  ordeal.resize = () => {
    for (const { chart, plot, height } of charts)
      if (plot.clientWidth !== chart.width) chart.setSize({ width: plot.clientWidth, height });
    ordeal.changed();
  };
})();
