// How long requests that succeeded took: a heat strip on a logarithmic scale, and three quantiles as lines.

import { AXIS, drawAxis, drawGrid, drawKnown, font, haloed, widthOf } from './axis.js';
import { duration } from './format.js';
import { BINS, binOf } from './histograms.js';
import { spread } from './layout.js';
import { Merged, quantile } from './quantile.js';
import { columnRange, columnWidth } from './sample.js';
import { logarithmic } from './scale.js';

const LEAST_MS = 0.1;
const MOST_MS = 10_000;
/** Bins in a cell of the strip: a quarter of a doubling. */
const CELL = 4;
const LOWEST = Math.floor(binOf(LEAST_MS));
const CELLS = Math.ceil((binOf(MOST_MS) - LOWEST) / CELL);
/** A quantile is of at least that long: of 100 ms it would be noise. */
const QUANTILE_MS = 10_000;
export const QUANTILES = [[0.5, 'p50'], [0.99, 'p99'], [0.999, 'p99.9']];

/** What is below the strip: the axis of the lanes is near, so a low chart has none of its own. */
export const footOf = (height) => (height >= 110 ? AXIS : 2);

export class LatencyChart {
  #cells = new Merged();
  #quantiles = new Merged();
  #image = document.createElement('canvas');

  draw(context, scene, height) {
    const { theme, from, to, left, right, now } = scene;
    const bottom = height - footOf(height);
    const scale = logarithmic(LEAST_MS, MOST_MS, bottom - 1, 4);
    const width = columnWidth(to - from, right - left, 2.5);
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, bottom);
    context.clip();
    this.#drawStrip(context, scene, width, columnRange(from, Math.min(to, now), width), scale);
    context.restore();
    drawGrid(context, scene, 0, bottom);
    drawTicks(context, scene, scale, bottom);
    this.#drawQuantiles(context, scene, scale, bottom);
    drawKnown(context, scene, 0, bottom);
    if (footOf(height) === AXIS) drawAxis(context, scene, bottom);
    context.textBaseline = 'middle';
    context.font = font(theme, { size: 10 });
    context.textAlign = 'left';
    haloed(context, theme, this.#title(context, scene, width), left + 4, 7, theme.css(besides(scene) ? 'ink-2' : 'ink'));
  }

  /** What the lines are; where there is no room beside them, also what they have come to. */
  #title(context, { history, from, to, left, right, margins }, width) {
    const over = `over ${duration(Math.max(QUANTILE_MS, width))}`;
    if (besides({ margins })) return `quantiles ${over}`;
    const known = named(this.at(history, Math.min(to, history.now), to - from, right - left));
    const figures = known.map(({ name, value }) => `${name} ${duration(value)}`).join('  ');
    const whole = `${over}: ${figures}`;
    return known.length === 0 ? `quantiles ${over}` : widthOf(context, whole) <= right - left - 8 ? whole : figures;
  }

  /** p50, p99 and p99.9 of the ten seconds before `time`. */
  at(history, time, span, pixels) {
    const step = stepOf(columnWidth(span, pixels, 2.5));
    return this.#quantilesOf(history, step, Math.ceil(time / step) - 1);
  }

  #drawStrip(context, { history, theme, x, now }, width, { first, count }, scale) {
    if (count === 0) return;
    const image = this.#image;
    image.width = count;
    image.height = CELLS;
    const own = image.getContext('2d');
    const pixels = own.createImageData(count, CELLS);
    const words = new Uint32Array(pixels.data.buffer);
    const ramp = heat(theme);
    for (let column = 0; column < count; column++) {
      const cells = this.#cells.column(history.latency, width, first + column, width, now, intoCells);
      if (!cells) continue;
      for (let cell = 0; cell < CELLS; cell++) if (cells[cell]) words[(CELLS - 1 - cell) * count + column] = ramp[cells[cell]];
    }
    own.putImageData(pixels, 0, 0);
    const top = scale.at(LEAST_MS * 2 ** ((CELLS * CELL) / 16));
    context.imageSmoothingEnabled = false;
    context.drawImage(image, x(first * width), top, x((first + count) * width) - x(first * width), scale.at(LEAST_MS) - top);
  }

  #drawQuantiles(context, scene, scale, bottom) {
    const { history, theme, from, to, now, x, left, right, margins } = scene;
    const step = stepOf(columnWidth(to - from, right - left, 2.5));
    // One more at the left, so that the lines begin at the edge.
    const range = columnRange(from, Math.min(to, now), step);
    const first = range.first - 1;
    const points = Array.from({ length: range.count + 1 }, (_, column) => this.#quantilesOf(history, step, first + column));
    context.lineJoin = 'round';
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, bottom);
    context.clip();
    QUANTILES.forEach((_, which) => {
      for (const [colour, wide] of [[theme.css('paper', 0.5), 2.6], [theme.css('ink'), 1.1]]) {
        context.strokeStyle = colour;
        context.lineWidth = wide;
        context.setLineDash(wide > 2 ? [] : [[], [6, 2], [1.5, 2]][which]);
        context.beginPath();
        let broken = true;
        points.forEach((values, column) => {
          const value = values[which];
          if (value !== null) {
            const at = x(Math.min(now, (first + column + 1) * step));
            if (broken) context.moveTo(at, scale.at(value));
            else context.lineTo(at, scale.at(value));
          }
          broken = value === null;
        });
        context.stroke();
      }
    });
    context.setLineDash([]);
    context.restore();
    const last = points.at(-1);
    if (last) drawNames(context, scene, scale, last, bottom);
  }

  #quantilesOf(history, step, index) {
    return this.#quantiles.column(history.latency, step, index, Math.max(QUANTILE_MS, step), history.now, intoQuantiles);
  }
}

/** Whether there is room beside the strip. */
const besides = ({ margins }) => margins.right >= 60;

/** Those that are known, with their names. */
const named = (values) => QUANTILES.map(([, name], which) => ({ name, value: values[which] })).filter(({ value }) => value !== null);

const stepOf = (width) => Math.max(1000, width);

function intoQuantiles(bins, total) {
  return QUANTILES.map(([q]) => quantile(bins, total, q));
}

/** How dense each cell is, from 1 to 255; 0: nothing is there. */
function intoCells(bins, total) {
  if (total === 0) return null;
  const sums = new Float64Array(CELLS);
  for (let bin = 0; bin < BINS; bin++) {
    if (bins[bin]) sums[Math.max(0, Math.min(CELLS - 1, Math.floor((bin - LOWEST) / CELL)))] += bins[bin];
  }
  // By share of the column, on a scale on which one of a thousand can still be seen.
  return Uint8Array.from(sums, (sum) => (sum ? Math.max(1, Math.round(255 * Math.max(0.16, 1 + Math.log10(sum / total) / 3))) : 0));
}

/** From paper to accent, as the words of an image; in grey it is as monotonous. */
function heat(theme) {
  const ramp = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const alpha = Math.round(255 * (0.06 + 0.94 * (i / 255)));
    const [red, green, blue] = theme.accent;
    ramp[i] = (alpha << 24) | (blue << 16) | (green << 8) | red;
  }
  return ramp;
}

function drawTicks(context, { theme, left, right, margins }, scale, bottom) {
  context.font = font(theme, { size: 10 });
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const every = bottom >= 70 ? 1 : 2;
  for (let power = -1; power <= 4; power++) {
    const value = 10 ** power;
    const y = Math.round(scale.at(value));
    context.fillStyle = theme.css('line', 0.7);
    context.fillRect(left, y, right - left, 1);
    if ((power + 1) % every || margins.left < 30) continue;
    context.fillStyle = theme.css('ink-2');
    context.fillText(duration(value), left - 6, Math.min(Math.max(y, 6), bottom - 5));
  }
}

function drawNames(context, { theme, right, margins }, scale, values, bottom) {
  const known = named(values);
  const heights = spread(known.map(({ value }) => scale.at(value)), 12, 6, bottom - 6);
  context.font = font(theme, { size: 11 });
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = theme.css('ink');
  if (!besides({ margins })) {
    // Only which line is which, above its end.
    context.textAlign = 'right';
    context.font = font(theme, { size: 10 });
    known.forEach(({ name }, index) => haloed(context, theme, name, right - 2, heights[index] - 7, theme.css('ink')));
    return;
  }
  known.forEach(({ name, value }, index) => context.fillText(`${name} ${duration(value)}`, right + 7, heights[index], margins.right - 8));
}
