// The gaps between truth and belief: hatched, and what they cost said beside them.

import { font, widthOf } from './axis.js';
import { count, seconds } from './format.js';
import { labelHeight, labelTop } from './layout.js';
import { byRouter, gaps, lostIn, trouble, windowOf } from './spans.js';

/** More labels than that on low lanes hide what they name: only the costliest and those of open gaps are said. */
const MANY = 14;
const MANY_ON_ONE = 8;
/** Lower bands have no room for a hatch. */
const HATCHED = 5;

/** Hatches what differs, and says which labels belong there, and what those beside it must not hide. */
export function drawGaps(context, scene, rows, lanes) {
  const { history, from, to, now, x, left, right } = scene;
  const windows = byRouter(history.windows);
  const labels = [];
  const kept = [];
  const said = [];
  for (const { lane, y } of lanes) {
    for (const gap of gaps(lane)) {
      const until = gap.to ?? now;
      if (until <= from || gap.from >= to) continue;
      const x0 = Math.max(left - 2, x(gap.from));
      const x1 = Math.max(x0 + (rows.tall ? 1 : 2), Math.min(right + 2, x(until)));
      const window = gap.kind === 'window' ? windowOf(windows.get(lane.name), gap, now) : null;
      drawGap(context, scene, rows, lane, gap, x0, x1, y);
      if (window?.predicted_t_detect_s != null && rows.tall && (window.open || x1 - x0 >= 8)) labels.push(...drawExpected(context, scene, rows, window, gap.to === null && window.t_detect_s === null, y));
      if (!rows.tall && gap.kind === 'lag') continue;
      const amiss = trouble(gap, now);
      const stretch = { x: x(amiss.from), width: x(amiss.to) - x(amiss.from) };
      const top = rows.tall ? rows.belief : rows.truth;
      kept.push({ ...stretch, y: y + top, height: rows.belief + rows.band - top });
      said.push({ rank: rankOf(gap, window, until), of: [lane, gap, window, x0, stretch, y] });
    }
  }
  said.sort((a, b) => b.rank - a.rank).length = Math.min(said.length, rows.tall ? rows.count * MANY_ON_ONE : MANY);
  for (const { rank, of } of said) labels.push({ rank, ...gapLabel(context, scene, rows, ...of) });
  return { labels, kept };
}

/** What goes on comes first, then what cost most, then what lasted longest. */
function rankOf(gap, window, until) {
  const kind = { window: 1e9, mistake: 1e6, lag: 0 }[gap.kind];
  return kind + (gap.to === null ? 1e8 : 0) + (window ? lostIn(window) * 1000 : 0) + (until - gap.from) / 1e6;
}

function drawGap(context, { theme, x }, rows, lane, gap, x0, x1, y) {
  const width = x1 - x0;
  const loud = gap.kind === 'window';
  const colour = loud ? 'lost-1' : 'warn';
  if (!loud && width <= 2) return;
  if (rows.band < HATCHED) {
    context.fillStyle = loud ? theme.css(colour) : theme.pattern(context, colour, 'upright');
    // Where it is as narrow as a line, it is as high as its lane.
    if (width <= 3 && loud) context.fillRect(x0, y, 2, rows.pitch - 1);
    else context.fillRect(x0, y + rows.belief, width, rows.band);
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
    const top = y + Math.max(0, rows.truth - 2);
    const bottom = y + rows.belief + rows.band;
    context.fillRect(x0, top, width, 1.5);
    context.fillRect(x0, top, 1, bottom - top);
    if (gap.to !== null) context.fillRect(x1 - 1, y + rows.loss, 1, bottom - y - rows.loss);
    for (const { at } of lane.belief) if (at > gap.from && (gap.to === null || at < gap.to)) context.fillRect(x(at), y + rows.belief, 1, rows.band);
    return;
  }
  context.fillStyle = theme.pattern(context, colour, 'upright', gap.kind === 'mistake' ? 1 : 0.6);
  context.fillRect(x0, y + rows.loss, width, rows.strip);
  context.fillStyle = theme.css(colour);
  if (gap.kind === 'mistake') context.fillRect(x0, y + rows.truth - 2, width, 1);
}

/** When theory expects the balancer to notice; its label while that is to come. */
function drawExpected(context, { theme, x }, rows, window, awaited, y) {
  const at = x(window.from + window.predicted_t_detect_s * 1000);
  const top = y + rows.loss;
  context.fillStyle = theme.css('accent');
  context.beginPath();
  context.moveTo(at - 3.5, top);
  context.lineTo(at + 3.5, top);
  context.lineTo(at, top + rows.strip);
  context.fill();
  context.fillRect(Math.round(at) - 0.5, top + rows.strip - 1, 1, rows.band + 1);
  // Only while that is to come: what is known needs no expectation, and what costs requests still may be long known.
  if (!awaited) return [];
  const text = 'expected';
  const size = 10.5;
  context.font = font(theme, { size });
  const width = Math.ceil(widthOf(context, text)) + 4;
  return [{ rank: 0, height: 12, size, choices: [{ x: at + 3, y: y + rows.belief, width, text }] }];
}

function gapLabel(context, { theme, x, left, right, to, now }, rows, lane, gap, window, x0, amiss, y) {
  const loud = gap.kind === 'window';
  // A window that the lab ended in is as long as everybody else says, who did not wait for the last picture.
  const told = window?.t_detect_s ?? (gap.to === null ? window?.open_for_s : null);
  const took = told != null ? told * 1000 : (gap.to ?? now) - gap.from;
  const lasted = seconds(took);
  // Requests that wait for an answer may still be lost when the balancer has long known.
  const sofar = window?.open && gap.to !== null ? ' so far' : '';
  const lost = window ? ` · ${count(lostIn(window))} lost${sofar}` : '';
  const saved = window?.saved_by_retry > 0 ? `, ${count(window.saved_by_retry)} saved` : '';
  const what = { window: '', mistake: 'mistake ', lag: gap.to === null || gap.ended === 'truth' ? 'not used ' : 'believed up after ' }[gap.kind];
  const name = rows.tall || nameEvery(rows) === 1 ? '' : `${lane.name} `;
  const weight = loud ? 650 : 400;
  const size = rows.tall && rows.label < 15 ? 10.5 : 11.5;
  context.font = font(theme, { size, weight });
  const texts = name ? [name + what + lasted + lost] : lost ? [...(saved ? [lasted + lost + saved] : []), lasted + lost, lasted] : [what + lasted, lasted];
  const height = labelHeight(rows);
  // What was is said left of now, where there is room for it.
  const edge = now < to ? x(now) - 2 : right;
  const after = amiss.x + amiss.width + 4;
  const choices = texts.flatMap((text) => {
    const width = Math.ceil(widthOf(context, text)) + 4;
    if (rows.tall) {
      const top = y + labelTop(rows);
      const inside = Math.max(left, Math.min(x0, edge - width));
      // Beside it, where nothing is written that is louder, and nothing else is amiss.
      const beside = { x: after, y: y + rows.belief + (rows.band - height) / 2, text, width, clear: true };
      return gap.kind === 'window' ? [{ x: inside, y: top, text, width }] : [{ x: inside, y: top, text, width }, beside];
    }
    // The first lane and the last have it within the chart.
    const top = Math.max(rows.top, Math.min(y + labelTop(rows), rows.top + rows.pitch * rows.count - height));
    const sides = [amiss.x - width - 4, after];
    // Only what is named may be said beside another lane.
    const shifts = name ? [0, height, -height, 2 * height, -2 * height] : [0];
    return shifts.flatMap((shift) => sides.map((x) => ({ x, y: top + shift, text, width, clear: true })));
  });
  // What cost requests is said even where something else has to be hidden for it: in the end, itself.
  if (loud && !rows.tall) {
    const within = choices.map((choice) => ({ ...choice, x: Math.max(left, Math.min(x0, edge - choice.width)) }));
    choices.push(...[...choices, ...within].map((choice) => ({ ...choice, clear: false })));
  }
  return { height, choices, loud, size, weight };
}

/** Every so many lanes have their names at the margin. */
export const nameEvery = (rows) => [1, 2, 5, 10, 20, 50].find((step) => step * rows.pitch >= 12) ?? 100;
