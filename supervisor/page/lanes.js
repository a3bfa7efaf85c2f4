// The picture of the product: what each router is, over what the balancer thinks, and the gap between the two.

import { AXIS, drawAxis, drawGrid, drawKnown, font, haloed } from './axis.js';
import { PASSED, TIMED_OUT } from './checks.js';
import { count, seconds, word } from './format.js';
import { BUCKET_MS } from './history.js';
import { lanes as layLanes, place } from './layout.js';
import { byRouter, eachSpan, gaps, lostIn, windowOf } from './spans.js';
import { STATES } from './theme.js';

/** Lanes lower than this have no room for checks that passed. */
const DENSE = 10;

/** Rows for the routers that are to be seen, in a chart of that height; `bar` is what is kept free above them. */
export function rowsOf(history, view, height, bar) {
  const names = history.names(view.from);
  return { names, ...layLanes(names.length, bar, Math.max(0, height - bar - AXIS)) };
}

export function drawLanes(context, scene, rows, hovered) {
  const { left, right, theme } = scene;
  const bottom = rows.top + rows.pitch * rows.count;
  const lanes = rows.names.map((name, index) => ({ lane: scene.history.routers.get(name), y: rows.y(index) }));
  drawRules(context, scene, rows, bottom, hovered);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, bottom);
  context.clip();
  for (const { lane, y } of lanes) drawBands(context, scene, rows, lane, y);
  drawFailed(context, scene, rows, lanes);
  drawChecks(context, scene, rows, lanes);
  const labels = drawGaps(context, scene, rows, lanes);
  context.restore();
  drawKnown(context, scene, rows.top, bottom);
  if (rows.tall && rows.count > 0 && scene.margins.right >= 60) drawNames(context, scene, rows);
  drawLabels(context, theme, labels, { x: left, y: rows.tall ? 0 : rows.top, width: right - left, height: bottom - (rows.tall ? 0 : rows.top) });
  drawAxis(context, scene, bottom);
}

function drawRules(context, scene, rows, bottom, hovered) {
  const { theme, left, right, view } = scene;
  for (const [name, alpha] of [[view.selected, 0.1], [hovered, 0.05]]) {
    const index = rows.names.indexOf(name);
    if (index < 0) continue;
    context.fillStyle = theme.css('accent', alpha);
    context.fillRect(0, rows.y(index), right, rows.pitch);
  }
  drawGrid(context, scene, rows.top, bottom);
  context.fillStyle = theme.css('line');
  if (rows.tall) for (let i = 1; i < rows.count; i++) context.fillRect(0, Math.round(rows.y(i)), right, 1);
  if (rows.tall) return;
  // Too low for names of their own: every tenth has a number at the margin.
  context.font = font(theme, { size: 10 });
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = theme.css('ink-2');
  const every = [1, 2, 5, 10, 20, 50].find((step) => step * rows.pitch >= 12) ?? 100;
  rows.names.forEach((name, index) => {
    if (index === 0 || (index + 1) % every === 0) context.fillText(name, left - 8, rows.y(index) + rows.pitch / 2, left - 10);
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
  const { from, now, to } = scene;
  const until = Math.min(now, to);
  eachSpan(lane.truth, from, until, (change, start, end) => drawBand(context, scene, rows, change.truth, start, end, y + rows.truth));
  eachSpan(lane.belief, from, until, (change, start, end) => drawBand(context, scene, rows, change.belief, start, end, y + rows.belief));
}

function drawBand(context, { theme, x }, rows, state, start, end, y) {
  const { colour, fill, pattern } = STATES[state] ?? STATES.unknown;
  const x0 = x(start);
  const width = Math.max(1, x(end) - x0);
  context.fillStyle = theme.css(colour, fill);
  context.fillRect(x0, y, width, rows.band);
  if (pattern && width > 1) {
    context.fillStyle = theme.pattern(context, colour, pattern, 0.75);
    context.fillRect(x0, y, width, rows.band);
  }
  if (rows.band < 9 || width < 26 || state === 'up') return;
  context.font = font(theme, { size: Math.min(11, rows.band), weight: 600 });
  const text = word(state);
  if (context.measureText(text).width > width - 8) return;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  if (pattern) haloed(context, theme, text, Math.max(x0, 0) + 4, y + rows.band / 2 + 0.5, theme.css('ink'));
  else {
    context.fillStyle = theme.on(colour);
    context.fillText(text, x0 + 4, y + rows.band / 2 + 0.5);
  }
}

/** Failed attempts between truth and belief: they fall into the gap. */
function drawFailed(context, scene, rows, lanes) {
  const { from, to, x, theme } = scene;
  const first = Math.floor(from / BUCKET_MS);
  const last = Math.ceil(to / BUCKET_MS);
  const width = Math.max(1, x(BUCKET_MS) - x(0) - 0.25);
  const height = rows.strip || rows.band;
  context.fillStyle = theme.css('lost-1');
  for (const { lane, y } of lanes) {
    if (lane.failed.last < first) continue;
    let column = -1;
    let sum = 0;
    const flush = () => {
      if (sum === 0) return;
      const tall = rows.strip ? Math.max(1.5, Math.min(1, Math.sqrt(sum / 16)) * height) : height;
      context.fillRect(column, y + rows.loss + height - tall, width, tall);
      sum = 0;
    };
    lane.failed.each(first, last, (bucket, counts, offset) => {
      if (counts[offset] === 0) return;
      const at = Math.floor(x(bucket * BUCKET_MS));
      if (at !== column) flush();
      column = at;
      sum += counts[offset];
    });
    flush();
  }
}

/** Passed: short and thin, a line where they are too many. Failed: longer, with a cross. Timed out: from start to end. */
function drawChecks(context, scene, rows, lanes) {
  const { from, to, x, theme } = scene;
  const short = rows.tall ? Math.round(rows.ticks * 0.4) : 1;
  const failed = [];
  context.fillStyle = theme.css('ink-2', rows.tall ? 0.7 : 0.4);
  for (const { lane, y } of lanes) {
    const { checks } = lane;
    const stop = checks.from(to + checks.longest);
    let start = -9;
    let end = -9;
    const flush = () => {
      if (rows.pitch < DENSE) return;
      if (end - start >= 2) context.fillRect(start, y + rows.checks, end - start + 1, 1);
      else if (end >= 0) context.fillRect(start, y + rows.checks, 1, short);
    };
    for (let i = checks.from(from); i < stop; i++) {
      if (checks.result[i] !== PASSED) {
        failed.push(y, i, checks);
        continue;
      }
      const at = Math.floor(x(checks.ended[i]));
      if (at <= end + 2) {
        end = at;
        continue;
      }
      flush();
      start = end = at;
    }
    flush();
  }
  drawFailedChecks(context, scene, rows, failed);
}

function drawFailedChecks(context, { x, theme }, rows, failed) {
  context.strokeStyle = context.fillStyle = theme.css('ink');
  context.lineWidth = 1.2;
  context.beginPath();
  let row = -1;
  let taken = -9;
  for (let i = 0; i < failed.length; i += 3) {
    const y = failed[i] + rows.checks;
    const checks = failed[i + 2];
    const at = x(checks.ended[failed[i + 1]]);
    if (failed[i] !== row) taken = -9;
    row = failed[i];
    if (checks.result[failed[i + 1]] === TIMED_OUT) {
      const start = x(checks.started[failed[i + 1]]);
      context.fillRect(start, y + Math.floor(rows.ticks / 3), Math.max(1, at - start), Math.max(1, rows.ticks / 4));
    }
    if (at - taken < 1) continue;
    context.fillRect(Math.round(at) - 0.5, y, 1.2, rows.ticks);
    if (rows.tall && at - taken >= 6 && checks.result[failed[i + 1]] !== TIMED_OUT) {
      const middle = y + rows.ticks - 3;
      context.moveTo(at - 2.5, middle - 2.5);
      context.lineTo(at + 2.5, middle + 2.5);
      context.moveTo(at + 2.5, middle - 2.5);
      context.lineTo(at - 2.5, middle + 2.5);
    }
    taken = at;
  }
  context.stroke();
}

/** Hatches what differs, and says which labels belong there. */
function drawGaps(context, scene, rows, lanes) {
  const { history, from, to, now, x, left, right } = scene;
  const windows = byRouter(history.windows);
  const labels = [];
  for (const { lane, y } of lanes) {
    for (const gap of gaps(lane)) {
      const until = gap.to ?? now;
      if (until <= from || gap.from >= to) continue;
      const x0 = Math.max(left - 2, x(gap.from));
      const x1 = Math.max(x0 + 1, Math.min(right + 2, x(until)));
      const window = gap.kind === 'window' ? windowOf(windows.get(lane.name), gap, now) : null;
      drawGap(context, scene, rows, lane, gap, x0, x1, y);
      if (window?.predicted_t_detect_s != null && rows.tall) drawExpected(context, scene, rows, window, y);
      if (rows.tall || gap.kind !== 'lag') labels.push(gapLabel(context, scene, rows, lane, gap, window, x0, x1, y));
    }
  }
  return labels;
}

function drawGap(context, { theme, x }, rows, lane, gap, x0, x1, y) {
  const width = x1 - x0;
  const loud = gap.kind === 'window';
  const colour = loud ? 'lost-1' : 'warn';
  if (!rows.tall) {
    context.fillStyle = loud ? theme.css(colour) : theme.pattern(context, colour, 'upright');
    context.fillRect(x0, y + rows.belief, width, rows.band);
    return;
  }
  if (loud) {
    // The belief is what is wrong: it is that which is hatched, and nothing else shines through.
    context.fillStyle = theme.css('paper');
    context.fillRect(x0, y + rows.belief, width, rows.band);
    for (const fill of [theme.css(colour, 0.12), theme.pattern(context, colour, 'rise')]) {
      context.fillStyle = fill;
      context.fillRect(x0, y + rows.belief, width, rows.band);
    }
    context.fillStyle = theme.css(colour);
    const top = y + rows.truth - 2;
    const height = rows.belief + rows.band - rows.truth + 2;
    context.fillRect(x0, top, width, 1.5);
    context.fillRect(x0, top, 1, height);
    if (gap.to !== null) context.fillRect(x1 - 1, top, 1, height);
    for (const { at } of lane.belief) if (at > gap.from && (gap.to === null || at < gap.to)) context.fillRect(x(at), y + rows.belief, 1, rows.band);
    return;
  }
  context.fillStyle = theme.pattern(context, colour, 'upright', gap.kind === 'mistake' ? 1 : 0.6);
  context.fillRect(x0, y + rows.loss, width, rows.strip);
  context.fillStyle = theme.css(colour);
  if (gap.kind === 'mistake') context.fillRect(x0, y + rows.truth - 2, width, 1);
}

/** When theory expected the balancer to notice. */
function drawExpected(context, { theme, x }, rows, window, y) {
  const at = x(window.from + window.predicted_t_detect_s * 1000);
  const top = y + rows.loss;
  context.fillStyle = theme.css('accent');
  context.beginPath();
  context.moveTo(at - 3.5, top);
  context.lineTo(at + 3.5, top);
  context.lineTo(at, top + rows.strip);
  context.fill();
  context.fillRect(Math.round(at) - 0.5, top + rows.strip - 1, 1, rows.band + 1);
}

function gapLabel(context, { theme, left, right, now }, rows, lane, gap, window, x0, x1, y) {
  const loud = gap.kind === 'window';
  const took = window?.t_detect_s != null ? window.t_detect_s * 1000 : (gap.to ?? now) - gap.from;
  const lasted = seconds(took);
  const lost = window ? ` · ${count(lostIn(window))} lost` : '';
  const what = { window: '', mistake: 'mistake ', lag: 'not used ' }[gap.kind];
  const name = rows.tall ? '' : `${lane.name} `;
  const weight = loud ? 650 : 400;
  const size = rows.tall && rows.label < 15 ? 10.5 : 11.5;
  context.font = font(theme, { size, weight });
  const texts = loud && lost ? [name + lasted + lost, lasted + lost, lasted] : [name + what + lasted, lasted];
  const height = rows.tall ? rows.label - 2 : 13;
  const choices = texts.flatMap((text) => {
    const width = Math.ceil(context.measureText(text).width) + 4;
    if (rows.tall) {
      const top = y + rows.truth - 3 - height;
      const inside = Math.max(left, Math.min(x0, right - width));
      return [{ x: inside, y: top, text, width }];
    }
    const top = y + rows.pitch / 2 - height / 2;
    const right2 = x1 + 4;
    const left2 = x0 - width - 4;
    return [0, height, -height, 2 * height].flatMap((shift) => [right2, left2].map((x) => ({ x, y: top + shift, text, width })));
  });
  const rank = (loud ? 1e9 : gap.kind === 'mistake' ? 1e6 : 0) + (gap.to === null ? 1e8 : 0) + (window ? lostIn(window) * 1000 : 0) + took / 1000;
  return { rank, height, choices, loud, size, weight, tall: rows.tall };
}

function drawLabels(context, theme, labels, bounds) {
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  for (const label of place(labels, bounds)) {
    context.font = font(theme, label);
    haloed(context, theme, label.text, label.x + 2, label.y + label.height / 2 + 0.5, theme.css(label.loud ? 'lost-1' : 'ink-2'));
  }
}
