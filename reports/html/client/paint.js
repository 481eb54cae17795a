/* What is painted behind and above the series: bands for phases, hatching where nobody was looking, lines for limits. */

(() => {
  const { data, view, ticks, figure, color, axis } = ordeal;
  const deaths = data.happenings.filter(({ what }) => what === 'death').flatMap(({ times }) => times);
  const shades = new Map();

  function hatch(context, name) {
    const key = `${name}${color(name)}${devicePixelRatio}`;
    if (!shades.has(key)) {
      const size = Math.round(7 * devicePixelRatio);
      const tile = document.createElement('canvas');
      tile.width = tile.height = size;
      const pen = tile.getContext('2d');
      pen.strokeStyle = color(name);
      pen.lineWidth = devicePixelRatio;
      for (const shift of [-size, 0, size]) {
        pen.moveTo(shift, size);
        pen.lineTo(shift + size, 0);
      }
      pen.stroke();
      shades.set(key, tile);
    }
    return context.createPattern(shades.get(key), 'repeat');
  }

  function band(chart, from, to, style) {
    const { left, top, width, height } = chart.bbox;
    const start = Math.max(left, chart.valToPos(from, 'x', true));
    const end = Math.min(left + width, chart.valToPos(to, 'x', true));
    if (end <= start) return;
    chart.ctx.fillStyle = style;
    chart.ctx.fillRect(start, top, Math.max(end - start, devicePixelRatio), height);
  }

  function upright(chart, at, name, dash) {
    if (at < view.from || at > view.to) return;
    const { top, height } = chart.bbox;
    const x = Math.round(chart.valToPos(at, 'x', true)) + 0.5;
    stroke(chart, name, dash, [x, top], [x, top + height]);
  }

  function stroke({ ctx }, name, dash, [x1, y1], [x2, y2]) {
    ctx.beginPath();
    ctx.strokeStyle = color(name);
    ctx.lineWidth = devicePixelRatio * (name === 'grid' ? 1 : 1.5);
    ctx.setLineDash(dash.map((part) => part * devicePixelRatio));
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  function behind(panel) {
    return (chart) => {
      chart.ctx.save();
      data.phases.forEach(({ name, from, to }, index) => {
        band(chart, from, to, color(name === 'fault' ? 'band-fault' : index % 2 ? 'band-odd' : 'band-even'));
      });
      for (const at of ticks(chart.width - axis)) upright(chart, at, 'grid', []);
      for (const { from, to, explained } of panel.gaps) {
        band(chart, from, to, color('gap'));
        band(chart, from, to, hatch(chart.ctx, explained ? 'hatch' : 'hatch-bad'));
      }
      chart.ctx.restore();
    };
  }

  function above(panel) {
    return (chart) => {
      const { left, top, width, height } = chart.bbox;
      chart.ctx.save();
      for (const at of deaths) upright(chart, at, 'bad', [3, 3]);
      if (view.pin !== undefined) upright(chart, view.pin, 'pin', []);
      for (const { value, text, role } of panel.lines) {
        const name = role === 'limit' ? 'limit' : role === 'signature' ? 'signature' : 'muted';
        const y = chart.valToPos(value, 'y', true);
        const inside = y >= top && y <= top + height;
        if (inside) stroke(chart, name, role === 'limit' ? [6, 4] : [2, 3], [left, y], [left + width, y]);
        chart.ctx.fillStyle = color(name);
        chart.ctx.font = `${10.5 * devicePixelRatio}px system-ui, sans-serif`;
        chart.ctx.textAlign = 'left';
        const low = inside && y - top < 14 * devicePixelRatio;
        chart.ctx.textBaseline = !inside || low ? 'top' : 'bottom';
        const words = `${role} ${text}${/[<>=]=?$/.test(text) ? ` ${figure(value, panel.unit)}` : ` = ${figure(value, panel.unit)}`}`;
        if (inside || role === 'limit')
          chart.ctx.fillText(
            inside ? words : `↑ ${words}`,
            left + 6 * devicePixelRatio,
            (inside ? y : top) + (low || !inside ? 3 : -2) * devicePixelRatio,
          );
      }
      chart.ctx.restore();
    };
  }

  Object.assign(ordeal, { behind, above });
})();
