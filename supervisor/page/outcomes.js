// What clients got: every request by the time it was due, what was lost on top, and success over a minute in nines.

import { drawGrid, drawKnown, font, haloed, widthOf } from './axis.js';
import { count, duration, percent, seconds, share, word } from './format.js';
import { OUTCOMES } from './history.js';
import { spread } from './layout.js';
import { columnWidth, columns, rolling } from './sample.js';
import { countTicks, linear, nines } from './scale.js';
import { LOSSES } from './theme.js';

/** A bar is as short a time as can be told from its neighbours. */
export const LEAST_PX = 1;
const MINUTE_MS = 60_000;
/** The whole is drawn as that many nines: one more than the last that has a line. */
const WHOLE = 5;
const LINES = [[0.9, '90 %'], [0.99, '99 %'], [0.999, '99.9 %'], [0.9999, '99.99 %'], [1, '100 %']];

export function drawOutcomes(context, scene, height) {
  const { history, from, to, left, right, now } = scene;
  const width = columnWidth(to - from, right - left, LEAST_PX);
  const bars = columns(history.out, from, Math.min(to, now), width);
  const split = height >= 96 ? Math.round(height * 0.4) : 0;
  drawGrid(context, scene, 0, height);
  if (split) drawSuccess(context, scene, width, 6, split - 6);
  drawBars(context, scene, bars, split + 8, height - 1);
  drawKnown(context, scene, 0, height);
  return { width, bars };
}

function drawBars(context, scene, bars, top, bottom) {
  const { theme, x, left, right } = scene;
  const { first, count: length, width, kinds, sums } = bars;
  let most = 0;
  for (let column = 0; column < length; column++) most = Math.max(most, total(sums, column, kinds));
  const scale = linear(0, Math.max(most, 1) * 1.05, bottom, top);
  drawCountTicks(context, scene, scale, most, bottom);
  // On whole pixels, with air between bars where there is room for it.
  const edges = Float32Array.from({ length: length + 1 }, (_, column) => Math.round(x((first + column) * width)));
  const air = x(width) - x(0) >= 4 ? 1 : 0;
  context.save();
  context.beginPath();
  context.rect(left, top - 8, right - left, bottom - top + 9);
  context.clip();
  // One kind after the other, so that the fill changes ten times and not ten times for each column.
  const floor = new Float32Array(length).fill(bottom);
  for (let kind = 0; kind < kinds; kind++) {
    for (const fill of fillsOf(context, theme, kind)) {
      context.fillStyle = fill;
      for (let column = 0; column < length; column++) {
        const n = sums[column * kinds + kind];
        if (n === 0) continue;
        // A lost request is seen, however many were not.
        const tall = Math.max(kind === 0 ? 0 : 1.5, bottom - scale.at(n));
        context.fillRect(edges[column], floor[column] - tall, edges[column + 1] - edges[column] - air, tall);
      }
    }
    for (let column = 0; column < length; column++) {
      const n = sums[column * kinds + kind];
      if (n > 0) floor[column] -= Math.max(kind === 0 ? 0 : 1.5, bottom - scale.at(n));
    }
  }
  context.restore();
  drawNames(context, scene, bars, top, bottom);
}

/** What one kind is painted with, one over the other. What went well is muted. */
function fillsOf(context, theme, kind) {
  const { colour, pattern } = LOSSES[kind];
  if (kind === 0) return [theme.css(colour, 0.4)];
  return pattern ? [theme.css(colour, 0.3), theme.pattern(context, colour, pattern)] : [theme.css(colour)];
}

function drawCountTicks(context, { theme, left, right }, scale, most, bottom) {
  context.font = font(theme, { size: 10 });
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const tick of countTicks(most)) {
    context.fillStyle = theme.css('line', 0.7);
    context.fillRect(left, Math.round(scale.at(tick)), right - left, 1);
    context.fillStyle = theme.css('ink-2');
    context.fillText(count(tick), left - 6, scale.at(tick));
  }
  context.fillStyle = theme.css('line');
  context.fillRect(left, bottom, right - left, 1);
}

/** Names of what is in view, with how many there are, in the order of the stack: beside it, or above where that is narrow. */
function drawNames(context, { theme, left, right, margins }, { sums, kinds, count: length, width }, top, bottom) {
  const totals = new Float64Array(kinds);
  for (let column = 0; column < length; column++) for (let kind = 0; kind < kinds; kind++) totals[kind] += sums[column * kinds + kind];
  const seen = [...totals.keys()].filter((kind) => totals[kind] > 0).reverse();
  const caption = `each bar ${duration(width)}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.font = font(theme, { size: 10 });
  haloed(context, theme, caption, left + 4, top - 4, theme.css('ink-2'));
  if (margins.right >= 60) {
    haloed(context, theme, 'in view', right + 7, top, theme.css('ink-2'));
    const heights = spread(seen.map((kind, place) => (kind === 0 ? bottom - 6 : top + 13 + place * 13)), 13, top + 13, bottom - 6);
    seen.forEach((kind, place) => drawName(context, theme, kind, totals[kind], right + 7, heights[place], margins.right - 20));
    return;
  }
  let x = left + 16 + widthOf(context, caption);
  // What cost most comes first: it may be all that there is room for.
  for (const kind of seen.filter((kind) => kind > 0).sort((a, b) => totals[b] - totals[a])) {
    context.font = font(theme, { size: 11, weight: 600 });
    const wide = 20 + widthOf(context, nameOf(kind, totals[kind]));
    if (x + wide > right) break;
    drawName(context, theme, kind, totals[kind], x, top - 4);
    x += wide;
  }
}

const nameOf = (kind, n) => `${word(OUTCOMES[kind])} ${count(n)}`;

function drawName(context, theme, kind, n, x, y, most) {
  for (const fill of fillsOf(context, theme, kind)) {
    context.fillStyle = fill;
    context.fillRect(x, y - 4, 8, 8);
  }
  context.font = font(theme, { size: 11, weight: kind === 0 ? 400 : 600 });
  context.fillStyle = theme.css(kind === 0 ? 'ink-2' : 'ink');
  context.fillText(nameOf(kind, n), x + 12, y, most);
}

function drawSuccess(context, scene, width, top, bottom) {
  const { history, theme, from, to, now, x, left, right, margins } = scene;
  const scale = nines(WHOLE, bottom, top);
  context.font = font(theme, { size: 10 });
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const every = (bottom - top) / (LINES.length - 1) >= 11 ? 1 : 2;
  LINES.forEach(([value, label], index) => {
    if (index % every) return;
    const y = Math.round(scale.at(value));
    context.fillStyle = theme.css('line', 0.7);
    context.fillRect(left, y, right - left, 1);
    context.fillStyle = theme.css('ink-2');
    context.fillText(label, left - 6, y);
  });
  const shares = rolling(history.out, from, Math.min(to, now), width, MINUTE_MS, now);
  const first = Math.max(0, Math.floor(from / width));
  context.save();
  context.beginPath();
  context.rect(left, top - 3, right - left, bottom - top + 6);
  context.clip();
  context.strokeStyle = theme.css('ink');
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.beginPath();
  let broken = true;
  let last = null;
  for (let column = 0; column < shares.length; column++) {
    const value = shares[column];
    if (Number.isNaN(value)) {
      broken = true;
      continue;
    }
    const at = x(Math.min(now, (first + column + 1) * width));
    if (broken) context.moveTo(at, scale.at(value));
    else context.lineTo(at, scale.at(value));
    broken = false;
    last = value;
  }
  context.stroke();
  context.restore();
  if (history.slo != null) drawObjective(context, scene, scale);
  // At now it is the header's figure: columns end a little later, and what two places say must be the same.
  const live = now >= from && now <= to;
  if (last !== null && live) last = history.success(now - MINUTE_MS, now) ?? last;
  if (last === null || margins.right < 60) return;
  context.textAlign = 'left';
  const missed = history.slo != null && last < history.slo;
  context.font = font(theme, { size: 12, weight: 650 });
  context.fillStyle = theme.css(missed ? 'lost-1' : 'ink');
  const y = Math.max(top + 2, Math.min(bottom - 20, scale.at(last)));
  context.fillText(share(last), right + 7, y);
  context.font = font(theme, { size: 10 });
  context.fillStyle = theme.css('ink-2');
  context.fillText(live ? 'last minute' : `minute to ${seconds(to, 0)}`, right + 7, y + 12);
}

function drawObjective(context, { history, theme, left, right }, scale) {
  const y = Math.round(scale.at(history.slo)) + 0.5;
  context.strokeStyle = theme.css('objective');
  context.lineWidth = 1;
  context.setLineDash([5, 3]);
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(right, y);
  context.stroke();
  context.setLineDash([]);
  context.font = font(theme, { size: 10 });
  // At the left, the older end: what matters most is at the other one.
  context.textAlign = 'left';
  context.textBaseline = 'bottom';
  haloed(context, theme, `objective ${percent(history.slo)}`, left + 4, y - 1, theme.css('objective'));
  context.textBaseline = 'middle';
}

function total(sums, column, kinds) {
  let all = 0;
  for (let kind = 0; kind < kinds; kind++) all += sums[column * kinds + kind];
  return all;
}
