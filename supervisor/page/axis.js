// What all charts share: the scale of time, its lines and labels, now, and what is not known.

import { count, seconds } from './format.js';
import { linear, timeTicks } from './scale.js';

export const AXIS = 18;
const FONT = 11;
const MINUTE_MS = 60_000;

/** Everything that a chart is drawn from, at one moment. */
export function scene(history, view, theme, margins, width) {
  const { from, to } = view;
  const left = margins.left;
  const right = Math.max(left + 1, width - margins.right);
  const time = linear(from, to, left, right);
  const ticks = timeTicks(from, to, Math.max(2, (right - left) / 90));
  return { history, view, theme, margins, from, to, now: history.now, left, right, x: time.at, timeAt: time.invert, ticks };
}

export function font(theme, { size = FONT, weight = 400 } = {}) {
  return `${weight} ${size}px ${theme.font}`;
}

/** Hairlines of time behind the data. */
export function drawGrid(context, { theme, ticks, x }, top, bottom) {
  context.fillStyle = theme.css('line', 0.7);
  for (const tick of ticks.ticks) context.fillRect(Math.round(x(tick)), top, 1, bottom - top);
}

/** The labels below. */
export function drawAxis(context, { theme, ticks, x, left, right, margins }, y) {
  context.fillStyle = theme.css('line');
  context.fillRect(left, y, right - left, 1);
  context.font = font(theme);
  context.textBaseline = 'top';
  context.textAlign = 'center';
  context.fillStyle = theme.css('ink-2');
  for (const tick of ticks.ticks) {
    const at = x(tick);
    const text = tickWord(tick, ticks);
    const half = widthOf(context, text) / 2;
    if (at - half < left - 24 || at + half > right + margins.right) continue;
    context.fillText(text, at, y + 5);
  }
}

/** Of a long stretch, minutes are easier to count than seconds. */
function tickWord(tick, { step, digits }) {
  return step >= MINUTE_MS ? `${count(tick / MINUTE_MS)} min` : seconds(tick, digits);
}

/** Now, if the view goes beyond it, and stretches of which nothing was heard. */
export function drawKnown(context, { history, theme, x, left, right, now, from, to }, top, bottom) {
  if (now < to) {
    context.fillStyle = theme.css('ink-2', 0.5);
    context.fillRect(Math.round(x(now)), top, 1, bottom - top);
  }
  const unknown = history.holes.map((hole) => [hole.from, hole.to ?? now]);
  if (from < history.began) unknown.push([-Infinity, history.began]);
  for (const [start, end] of unknown) {
    const x0 = Math.max(left, x(Math.max(start, from - 1e6)));
    const x1 = Math.min(right, x(end));
    if (x1 <= x0) continue;
    context.fillStyle = theme.css('paper');
    context.fillRect(x0, top, x1 - x0, bottom - top);
    context.fillStyle = theme.pattern(context, 'ink-2', 'dots', 0.35);
    context.fillRect(x0, top, x1 - x0, bottom - top);
    if (x1 - x0 < 70) continue;
    context.font = font(theme);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    haloed(context, theme, 'not heard', (x0 + x1) / 2, (top + bottom) / 2, theme.css('ink-2'));
  }
}

const widths = new Map();

/** How wide a text is; measured once, since the same labels are drawn again and again. */
export function widthOf(context, text) {
  const key = `${context.font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 4000) widths.clear();
    widths.set(key, (width = context.measureText(text).width));
  }
  return width;
}

/** Text on the drawing, with paper around it. */
export function haloed(context, theme, text, x, y, colour) {
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = theme.css('paper', 0.9);
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
