// PURE: the charts in words, for those who do not see them.

import { count, duration, seconds, share, word } from './format.js';
import { OUTCOMES } from './history.js';
import { byRouter, changeAt, gaps, lostIn, windowOf } from './spans.js';

/** `router-2: dead for 3.2 s, believed up; 154 lost. All others are up and believed up.` */
export function summarizeLanes(history, view) {
  const windows = byRouter(history.windows);
  const told = [];
  let well = 0;
  for (const name of history.names(view.from)) {
    const lane = history.routers.get(name);
    const truth = lane.truth.at(-1);
    const belief = lane.belief.at(-1)?.belief ?? 'unknown';
    if (truth?.truth === 'up' && belief === 'up') well++;
    else if (truth && truth.truth !== 'absent') told.push(lineOf(name, lane, truth, belief, windows.get(name), history.now));
  }
  const others = well === 0 ? '' : told.length ? ` ${well === 1 ? 'One other is' : `${well} others are`} up and believed up.` : `All ${well} routers are up and believed up.`;
  return `Truth over belief. ${told.join(' ')}${others}`.trim();
}

function lineOf(name, lane, truth, belief, windows, now) {
  const gap = gaps(lane).at(-1);
  const window = gap?.kind === 'window' && gap.to === null ? windowOf(windows, gap, now) : null;
  const lost = window ? `; ${count(lostIn(window))} lost` : '';
  return `${name}: ${word(truth.truth)} for ${seconds(now - truth.at, 1)}, believed ${word(belief)}${lost}.`;
}

export function summarizeOutcomes(history, view) {
  const sums = history.outcomes(view.from, view.to);
  const all = sums.reduce((sum, n) => sum + n, 0);
  if (all === 0) return 'Outcomes: no request was due in this time.';
  const kinds = [...sums.entries()].filter(([kind, n]) => kind > 0 && n > 0).map(([kind, n]) => `${count(n)} ${word(OUTCOMES[kind])}`);
  const lost = kinds.length ? `lost: ${kinds.join(', ')}` : 'none lost';
  return `Outcomes in ${duration(view.span)}: ${count(sums[0])} of ${count(all)} requests ok (${share(sums[0] / all)}), ${lost}.`;
}

export function summarizeLatency(quantiles) {
  const known = quantiles.filter(([, value]) => value !== null).map(([name, value]) => `${name} ${duration(value)}`);
  return known.length ? `Latency: ${known.join(', ')}.` : 'Latency: nothing has been measured in this time.';
}

/** What the crosshair says of outcomes: `5.300–5.400 s: 18 ok, 2 reset`. */
export function outcomesAt(history, time, width) {
  const from = Math.floor(time / width) * width;
  const sums = history.outcomes(from, from + width);
  const kinds = [...sums.entries()].filter(([, n]) => n > 0).map(([kind, n]) => `${count(n)} ${word(OUTCOMES[kind])}`);
  return kinds.length ? kinds.join(', ') : '';
}

/** What a router was at a time, in words: truth / belief, one word where all is well. */
export function standing(lane, time) {
  const truth = changeAt(lane.truth, time)?.truth ?? null;
  const belief = changeAt(lane.belief, time)?.belief ?? null;
  const gap = gaps(lane).find(({ kind, from, to }) => kind === 'window' && from <= time && (to === null || to > time)) ?? null;
  if (truth === null || truth === 'absent') return { words: 'not there', gap };
  if (belief === 'unknown' || belief === null) return { words: word(truth), gap };
  return { words: truth === 'up' && belief === 'up' ? 'up' : `${word(truth)} / ${word(belief)}`, gap };
}

/** Why a router was what it was: `dead: kill`, for the crosshair. */
export function reasonAt(lane, time) {
  const truth = changeAt(lane.truth, time);
  const belief = changeAt(lane.belief, time);
  const parts = [];
  if (truth?.why) parts.push(`${word(truth.truth)}: ${truth.why}`);
  if (belief?.why) parts.push(`believed ${word(belief.belief)}: ${belief.why}`);
  return parts.join(' · ');
}
