// PURE: what theory and the last window say, as words of a table.

import { count, seconds } from './format.js';

/** Faults that a window is compared with: what ends a process like a kill, what keeps it standing like a hang. */
const LIKE = { kill: ['kill', 'crash'], hang: ['hang', 'silent'] };

/** `{ mean: '3.00 s', range: '2.00 – 4.00', lost: '150' }` of a theory; `undefined` where it has no figure. */
export function bounds(theory) {
  const found = theory?.t_detect_s;
  const lost = theory?.lost_per_trial ?? null;
  return {
    mean: found && found.mean !== null ? time(found.mean) : undefined,
    range: found ? range(found) : undefined,
    lost: lost === null ? undefined : lost < 10 ? String(Number(lost.toFixed(1))) : count(lost),
  };
}

/** The last window of a fault like `fault` that is over; `undefined`: there was none. */
export function lastMeasured(windows, fault) {
  let last;
  for (const window of windows?.values() ?? []) {
    if (window.open || !LIKE[fault].includes(window.fault)) continue;
    if (last === undefined || window.from > last.from) last = window;
  }
  return last;
}

/** `2.00 – 4.00`: the unit stands with the mean. */
function range({ min, max }) {
  const plain = (value) => time(value).replace(/ s$/, '');
  if (max === null) return `≥ ${plain(min)}`;
  return min === max ? 'always' : `${plain(min)} – ${plain(max)}`;
}

/** Three digits that count; more would say what no theory knows. */
function time(s) {
  return seconds(s * 1000, s < 10 ? 2 : 1);
}
