// The picture of the product: what each router is, over what the balancer thinks, and the gap between the two.

import { AXIS, drawAxis, drawGrid, drawKnown, font, haloed, widthOf } from './axis.js';
import { COARSE } from './buckets.js';
import { word } from './format.js';
import { drawGaps, nameEvery } from './gapmarks.js';
import { BUCKET_MS } from './history.js';
import { lanes as layLanes, place } from './layout.js';
import { eachSpan } from './spans.js';
import { drawChecks } from './ticks.js';

/** Below the axis, for what the crosshair says: it hides neither lanes nor times. */
const READ = 18;

/** Rows for the routers that are to be seen, in a chart of that height; `bar` is what is kept free above them. */
export function rowsOf(history, view, height, bar) {
  const names = history.names(view.from);
  return { names, ...layLanes(names.length, bar, Math.max(0, height - bar - AXIS - READ)) };
}

export function drawLanes(context, scene, rows) {
  const { left, right, theme } = scene;
  const bottom = rows.top + rows.pitch * rows.count;
  const lanes = rows.names.map((name, index) => ({ lane: scene.history.routers.get(name), y: rows.y(index) }));
  drawRules(context, scene, rows, bottom);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, bottom);
  context.clip();
  for (const { lane, y } of lanes) drawBands(context, scene, rows, lane, y);
  drawFailed(context, scene, rows, lanes);
  drawChecks(context, scene, rows, lanes);
  const { labels, kept } = drawGaps(context, scene, rows, lanes);
  context.restore();
  drawKnown(context, scene, rows.top, bottom);
  if (rows.tall && rows.count > 0 && scene.margins.right >= 60) drawNames(context, scene, rows);
  drawLabels(context, theme, labels, { x: left, y: rows.tall ? 0 : rows.top, width: right - left, height: bottom - (rows.tall ? 0 : rows.top) }, kept);
  if (rows.count > 0) drawAxis(context, scene, bottom);
  else drawNothing(context, scene);
}

function drawNothing(context, { theme, history, left }) {
  context.font = font(theme, { size: 12 });
  context.textAlign = 'left';
  context.textBaseline = 'top';
  context.fillStyle = theme.css('ink-2');
  context.fillText(history.hello ? 'No routers.' : 'Waiting for the lab.', left, 8);
}

function drawRules(context, scene, rows, bottom) {
  const { theme, left, right } = scene;
  drawGrid(context, scene, rows.top, bottom);
  context.fillStyle = theme.css('line');
  if (rows.tall) for (let i = 1; i < rows.count; i++) context.fillRect(0, Math.round(rows.y(i)), right, 1);
  if (rows.tall) return;
  // Too low for heads of their own.
  context.font = font(theme, { size: 10 });
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = theme.css('ink-2');
  const every = nameEvery(rows);
  rows.names.forEach((name, index) => {
    if (index === 0 || ((index + 1) % every === 0 && index * rows.pitch >= 12)) context.fillText(name, left - 8, rows.y(index) + rows.pitch / 2, left - 10);
  });
}

/** Which band is which, beside those of the first lane. */
function drawNames(context, { theme, right }, rows) {
  context.font = font(theme, { size: 10.5 });
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = theme.css('ink-2');
  const y = rows.y(0);
  context.fillText('truth', right + 7, y + rows.truth + rows.band / 2);
  context.fillText('belief', right + 7, y + rows.belief + rows.band / 2);
  if (rows.pitch >= 60) context.fillText('checks', right + 7, y + rows.checks + rows.ticks / 2 + 1);
}

function drawBands(context, scene, rows, lane, y) {
  drawStates(context, scene, rows, lane.truth, 'truth', y + rows.truth);
  drawStates(context, scene, rows, lane.belief, 'belief', y + rows.belief);
}

function drawStates(context, scene, rows, changes, what, y) {
  const { from, now, to, x } = scene;
  let taken = -1;
  eachSpan(changes, from, Math.min(now, to), (change, start, end) => {
    // Of what is narrower than a pixel, there is one mark in each, and what is well leaves it to what is not.
    if (x(end) - x(start) < 1) {
      const column = Math.floor(x(start));
      if (column === taken || change[what] === 'up') return;
      taken = column;
    }
    drawBand(context, scene, rows, change[what], start, end, y);
  });
}

function drawBand(context, { theme, x }, rows, state, start, end, y) {
  const { pattern, below, above, text: ink } = theme.state(context, state);
  const x0 = x(start);
  const width = Math.max(1, x(end) - x0);
  context.fillStyle = below;
  context.fillRect(x0, y, width, rows.band);
  if (above && width > 2) {
    context.fillStyle = above;
    context.fillRect(x0, y, width, rows.band);
  }
  if (!rows.tall || rows.band < 9 || width < 26 || state === 'up') return;
  context.font = font(theme, { size: Math.min(11, rows.band), weight: 600 });
  const text = word(state);
  if (widthOf(context, text) > width - 8) return;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  if (pattern) haloed(context, theme, text, Math.max(x0, 0) + 4, y + rows.band / 2 + 0.5, theme.css('ink'));
  else {
    context.fillStyle = ink;
    context.fillText(text, x0 + 4, y + rows.band / 2 + 0.5);
  }
}

/** Failed attempts between truth and belief: they fall into the gap. */
function drawFailed(context, scene, rows, lanes) {
  const { from, to, x, theme } = scene;
  const coarse = x(BUCKET_MS * COARSE) - x(0) <= 1;
  const size = coarse ? BUCKET_MS * COARSE : BUCKET_MS;
  const first = Math.floor(from / size);
  const last = Math.ceil(to / size);
  const width = Math.max(1, x(size) - x(0) - 0.25);
  const height = rows.strip || rows.band;
  context.fillStyle = theme.css('lost-1');
  for (const { lane, y } of lanes) {
    const failed = coarse ? lane.failed.coarse : lane.failed;
    if (failed.last < first) continue;
    let column = -1;
    let sum = 0;
    const flush = () => {
      if (sum === 0) return;
      const tall = rows.strip ? Math.max(1.5, Math.min(1, Math.sqrt(sum / 16)) * height) : height;
      context.fillRect(column, y + rows.loss + height - tall, width, tall);
      sum = 0;
    };
    failed.eachFilled(first, last, (bucket, n) => {
      const at = Math.floor(x(bucket * size));
      if (at !== column) flush();
      column = at;
      sum += n;
    });
    flush();
  }
}

function drawLabels(context, theme, labels, bounds, kept) {
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  for (const label of place(labels, bounds, kept)) {
    context.font = font(theme, label);
    haloed(context, theme, label.text, label.x + 2, label.y + label.height / 2 + 0.5, theme.css(label.loud ? 'lost-1' : 'ink-2'));
  }
}
