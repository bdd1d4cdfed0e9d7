// SPDX-License-Identifier: MIT
// Draws the charts of a report, with uPlot, from the JSON in the page. What is said of a point
// comes with the data: here it is only shown, for the pointer and for the arrow keys. Without this
// script the page has its tables.
(() => {
  'use strict';
  /** @typedef {import('../charts.ts').Plot} Plot */
  /** @typedef {import('../charts.ts').Series} Series */
  /** @typedef {Series['style']} Style */
  /** @typedef {(position: number | null) => number | null} Scale */
  /** @typedef {(value: number | null | undefined) => number | null} ToPixel */

  /** @type {{ plots: readonly Plot[] }} */
  const { plots } = JSON.parse(document.getElementById('plots')?.textContent ?? '');
  const HEIGHT = 280;
  /**
   * Lengths of dashes, and how far to the side a series is drawn so that intervals do not hide one
   * another: CSS pixels. What fills a layer of the bars.
   * @type {Readonly<Record<Style, { dash: readonly number[], aside: number,
   *   mark: 'square' | 'circle', hatch: 'none' | 'lines' | 'dots' }>>}
   */
  const STYLES = {
    off: { dash: [6, 4], aside: -4, mark: 'square', hatch: 'none' },
    on: { dash: [], aside: 4, mark: 'circle', hatch: 'none' },
    plain: { dash: [], aside: 0, mark: 'circle', hatch: 'none' },
    yielded: { dash: [], aside: 0, mark: 'circle', hatch: 'none' },
    raced: { dash: [], aside: 0, mark: 'circle', hatch: 'lines' },
    preempted: { dash: [], aside: 0, mark: 'circle', hatch: 'dots' },
  };

  /** @param {Style | 'paper' | 'quiet' | 'rule'} name */
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = () => `12px ${getComputedStyle(document.body).fontFamily}`;

  /** @param {number} value */
  const short = (value) => {
    if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
    if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
    return String(Number(value.toPrecision(3)));
  };
  /** @param {number} time ns */
  const duration = (time) => {
    for (const [size, unit] of /** @type {const} */ ([
      [1e9, 's'],
      [1e6, 'ms'],
      [1e3, 'µs'],
    ]))
      if (time >= size) return `${Number((time / size).toPrecision(3))} ${unit}`;
    return `${Number(time.toPrecision(3))} ns`;
  };
  const WRITE = { ns: duration, number: short };

  /**
   * Where to put positions on a line: one step is ten times as much where the axis is logarithmic.
   * @param {boolean} isLogarithmic
   * @returns {Scale}
   */
  const scaled = (isLogarithmic) =>
    isLogarithmic
      ? (value) => (value === null || value <= 0 ? null : Math.log10(value))
      : (value) => value;

  /**
   * The ends of the vertical axis, with room, and from zero where it is not logarithmic.
   * @param {Plot['y']} axis
   * @returns {[low: number, high: number]}
   */
  function rangeOf({ isLogarithmic, extent: [least, most] }) {
    // Without anything to show JSON has null here, for infinities.
    if (!Number.isFinite(least) || !Number.isFinite(most)) return [0, 1];
    if (!isLogarithmic) return [0, most === 0 ? 1 : most * 1.1];
    const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
    return [low, Math.max(high, low + 1)];
  }

  /**
   * @param {uPlot} u
   * @param {Series} series
   * @param {readonly number[]} positions
   * @param {ToPixel} toY
   */
  function line(u, { values, style }, positions, toY) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const { dash, aside } = STYLES[style];
    ctx.setLineDash(dash.map((length) => length * ratio));
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    let isDrawing = false;
    values.forEach((value, at) => {
      const y = toY(value);
      if (y === null) return;
      const x = u.valToPos(positions[at] ?? 0, 'x', true) + aside * ratio;
      if (isDrawing) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
      isDrawing = true;
    });
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {number} x
   * @param {number} low
   * @param {number} high
   * @param {number} ratio
   */
  function bar(ctx, x, low, high, ratio) {
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.moveTo(x, low);
    ctx.lineTo(x, high);
    for (const end of [low, high]) {
      ctx.moveTo(x - 4 * ratio, end);
      ctx.lineTo(x + 4 * ratio, end);
    }
    ctx.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {number} x
   * @param {number} y
   * @param {'square' | 'circle'} shape
   * @param {number} ratio
   */
  function mark(ctx, x, y, shape, ratio) {
    const size = 4 * ratio;
    ctx.beginPath();
    if (shape === 'square') ctx.rect(x - size, y - size, 2 * size, 2 * size);
    else ctx.arc(x, y, size, 0, 2 * Math.PI);
    ctx.fill();
  }

  /**
   * One series of lines or points, with its intervals.
   * @param {uPlot} u
   * @param {Plot} plot
   * @param {Series} series
   * @param {readonly number[]} positions
   */
  function drawSeries(u, plot, series, positions) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const scale = scaled(plot.y.isLogarithmic);
    /** @type {ToPixel} */
    const toY = (value = null) => {
      const at = scale(value);
      return at === null ? null : u.valToPos(at, 'y', true);
    };
    const { aside, mark: shape } = STYLES[series.style];
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour(series.style);
    if (plot.shape === 'lines') line(u, series, positions, toY);
    series.values.forEach((value, at) => {
      const y = toY(value);
      if (y === null) return;
      const x = u.valToPos(positions[at] ?? 0, 'x', true) + aside * ratio;
      const [low, high] = [toY(series.low[at]), toY(series.high[at])];
      if (low !== null && high !== null) bar(ctx, x, low, high, ratio);
      mark(ctx, x, y, shape, ratio);
    });
    ctx.restore();
  }

  /**
   * What fills a layer: a colour, and lines or dots of the paper's on it.
   * @param {CanvasRenderingContext2D} ctx
   * @param {Style} style
   * @param {number} ratio
   */
  function hatched(ctx, style, ratio) {
    const { hatch } = STYLES[style];
    if (hatch === 'none') return colour(style);
    const tile = document.createElement('canvas');
    const size = Math.round(8 * ratio);
    tile.width = tile.height = size;
    const on = tile.getContext('2d');
    if (on === null) return colour(style);
    on.fillStyle = colour(style);
    on.fillRect(0, 0, size, size);
    on.fillStyle = on.strokeStyle = colour('paper');
    on.lineWidth = 2 * ratio;
    on.beginPath();
    if (hatch === 'dots') on.arc(size / 2, size / 2, 1.6 * ratio, 0, 2 * Math.PI);
    else
      for (const from of [-size, 0, size]) {
        on.moveTo(from, size);
        on.lineTo(from + size, 0);
      }
    if (hatch === 'dots') on.fill();
    else on.stroke();
    return ctx.createPattern(tile, 'repeat') ?? colour(style);
  }

  /**
   * @param {uPlot} u
   * @param {Plot} plot
   * @param {readonly number[]} positions
   */
  function drawStacks(u, { series }, positions) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const [first = 0, second] = positions;
    const step =
      second === undefined
        ? u.bbox.width
        : u.valToPos(second, 'x', true) - u.valToPos(first, 'x', true);
    const width = Math.min(step * 0.6, 64 * ratio);
    const below = positions.map(() => 0);
    ctx.save();
    for (const { style, values } of series) {
      ctx.fillStyle = hatched(ctx, style, ratio);
      ctx.strokeStyle = colour('paper');
      ctx.lineWidth = ratio;
      values.forEach((value, at) => {
        const [low, high] = [below[at] ?? 0, (below[at] ?? 0) + (value ?? 0)];
        const [from, to] = [u.valToPos(low, 'y', true), u.valToPos(high, 'y', true)];
        below[at] = high;
        if (from === to) return;
        const x = u.valToPos(positions[at] ?? 0, 'x', true) - width / 2;
        ctx.fillRect(x, to, width, from - to);
        ctx.strokeRect(x, to, width, from - to);
      });
    }
    ctx.restore();
  }

  /**
   * Whole powers of ten, and between them 2 and 5 where there are few.
   * @param {number} low
   * @param {number} high
   */
  function logarithmicTicks(low, high) {
    const steps = high - low > 2 ? [1] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(low); power <= high; power++)
      for (const step of steps) ticks.push(power + Math.log10(step));
    return ticks.filter((tick) => tick >= low - 1e-9 && tick <= high + 1e-9);
  }

  /**
   * Those for which there is room: from the right, since the longest wait is what is looked for.
   * Others were set aslant.
   * @param {uPlot} u
   * @param {readonly (readonly [position: number, label: string])[]} ticks
   * @param {boolean} isAslant
   */
  function labelsOf(u, ticks, isAslant) {
    let end = Infinity;
    const shown = ticks.toReversed().map(([split, label]) => {
      const [middle, half] = [u.valToPos(split, 'x'), label.length * 3.2];
      if (!isAslant && middle + half + 2 > end) return '';
      end = middle - half;
      return label;
    });
    return shown.toReversed();
  }

  /**
   * @param {Plot} plot
   * @param {number} width CSS pixels
   * @param {uPlot.Hooks.Arrays} hooks
   * @returns {uPlot.Options}
   */
  function optionsOf(plot, width, hooks) {
    const { x, y } = plot;
    const write = WRITE[y.unit];
    const place = (/** @type {number} */ position) => scaled(x.isLogarithmic)(position) ?? 0;
    const ticks = new Map(x.ticks.map(([position, label]) => [place(position), label]));
    const [first, last] = [place(x.extent[0]), place(x.extent[1])];
    const room = x.isLogarithmic ? 0.15 : 0.5;
    const [low, high] = rangeOf(y);
    const axis = {
      stroke: () => colour('quiet'),
      grid: { stroke: () => colour('rule'), width: 1 },
      ticks: { stroke: () => colour('rule'), width: 1 },
      font: font(),
      labelFont: font(),
    };
    // Labels that would run into one another are set aslant.
    const longest = Math.max(...x.ticks.map(([, label]) => label.length));
    const isTight = (/** @type {uPlot} */ { width: all }) =>
      !x.isLogarithmic && longest * 8 > (all - 110) / x.ticks.length;
    const ticksOfY = y.isLogarithmic ? { splits: () => logarithmicTicks(low, high) } : {};
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => [first - room, last + room] },
        y: { range: () => [low, high] },
      },
      axes: [
        {
          ...axis,
          label: x.title,
          labelSize: 22,
          size: (u) => (isTight(u) ? 40 + Math.min(longest, 14) * 4 : 34),
          rotate: (u) => (isTight(u) ? 40 : 0),
          splits: () => [...ticks.keys()],
          values: (u, splits) =>
            labelsOf(
              u,
              splits.map((split) => /** @type {const} */ ([split, ticks.get(split) ?? ''])),
              isTight(u),
            ),
        },
        {
          ...axis,
          label: y.title,
          labelSize: 22,
          size: 66,
          ...ticksOfY,
          values: (_, splits) =>
            splits.map((split) => write(y.isLogarithmic ? 10 ** split : split)),
        },
      ],
      // Series are drawn here, for their intervals, shapes and hatches; uPlot keeps scales, axes
      // and the cursor.
      series: [
        {},
        ...plot.series.map(({ name }) => ({
          label: name,
          paths: () => null,
          points: { show: false },
        })),
      ],
      hooks,
    };
  }

  /** @param {HTMLElement} element */
  function show(element) {
    const index = Number(element.dataset['plot']);
    const plot = plots[index];
    const readout = document.getElementById(`readout-${index}`);
    if (plot === undefined || readout === null) throw new Error(`There is no chart ${index}.`);
    const hint = readout.textContent;
    const positions = plot.x.positions.map((at) => scaled(plot.x.isLogarithmic)(at) ?? 0);
    /** @type {[number[], ...(number | null)[][]]} */
    const data = [
      positions,
      ...plot.series.map(({ values }) => values.map(scaled(plot.y.isLogarithmic))),
    ];
    const say = (/** @type {number | null | undefined} */ at) => {
      readout.textContent = (at === null || at === undefined ? hint : plot.readout[at]) ?? '';
      element.setAttribute('aria-valuenow', String(at ?? 0));
      element.setAttribute('aria-valuetext', plot.readout[at ?? 0] ?? '');
    };
    const draw = (/** @type {uPlot} */ u) => {
      if (plot.shape === 'stacks') drawStacks(u, plot, positions);
      else for (const series of plot.series) drawSeries(u, plot, series, positions);
    };
    const u = new uPlot(
      optionsOf(plot, element.clientWidth, {
        draw: [draw],
        setCursor: [({ cursor }) => say((cursor.left ?? -1) < 0 ? null : cursor.idx)],
      }),
      data,
      element,
    );
    // A slider goes through values with the arrow keys and tells each: so do readers of the page
    // that cannot see it.
    element.tabIndex = 0;
    element.setAttribute('role', 'slider');
    element.setAttribute('aria-valuemin', '0');
    element.setAttribute('aria-valuemax', String(positions.length - 1));
    say(null);
    element.addEventListener('keydown', (event) => move(event, u, positions));
    element.addEventListener('blur', () => u.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== u.width)
        u.setSize({ width: element.clientWidth, height: HEIGHT });
    }).observe(element);
    return u;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {uPlot} u
   * @param {readonly number[]} positions
   */
  function move(event, u, positions) {
    const last = positions.length - 1;
    const at = (u.cursor.left ?? -1) < 0 ? null : (u.cursor.idx ?? null);
    /** @type {Readonly<Record<string, number>>} */
    const steps = {
      ArrowRight: at === null ? 0 : at + 1,
      ArrowUp: at === null ? 0 : at + 1,
      ArrowLeft: at === null ? last : at - 1,
      ArrowDown: at === null ? last : at - 1,
      Home: 0,
      End: last,
    };
    if (event.key === 'Escape') u.setCursor({ left: -10, top: -10 });
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const position = positions[Math.min(last, Math.max(0, to))] ?? 0;
    u.setCursor({ left: u.valToPos(position, 'x'), top: 10 });
  }

  /** @type {NodeListOf<HTMLElement>} */
  const elements = document.querySelectorAll('[data-plot]');
  const shown = [...elements].map(show);
  const redraw = () => shown.forEach((u) => u.redraw(false, true));
  for (const query of ['(prefers-color-scheme: dark)', 'print'])
    matchMedia(query).addEventListener('change', redraw);
})();
