// PURE: what theory and the last window say, as words of a table.

import { count, fixed, seconds, word } from './format.js';

/** Faults that a window is compared with: what ends a process like a kill, what keeps it standing like a hang. */
const LIKE = { kill: ['kill', 'crash'], hang: ['hang', 'silent'] };

/**
 * `{ mean: '3.00 s', range: '2.00 – 4.00', lost: '150' }` of a fault by the theory of settings; `undefined` where it has no
 * figure. What takes no time is `at once`, with an empty range. With retries `lost` is `≤ 150`: what it would be without.
 */
export function bounds(theory, fault) {
  const { t_detect_s: found, lost_per_trial: lost = null } = theory?.[fault] ?? {};
  const unretried = theory?.lost_unretried?.[fault] ?? null;
  return {
    mean: found && found.mean !== null ? (found.max === 0 ? 'at once' : time(found.mean)) : undefined,
    range: found ? range(found) : undefined,
    lost: lost !== null ? requests(lost) : unretried !== null ? `≤ ${requests(unretried)}` : undefined,
  };
}

const requests = (lost) => (lost < 10 ? String(Number(fixed(lost, 1))) : count(lost));

/** Retries a second that are allowed beside the share of the requests; `retry-budget` in the README. */
const RESERVE = 10;

/** Why what is lost with retries is a bound, and what they are limited to; nothing where theory has no such bound. */
export function retriesOf(theory, { 'retry-budget': budget, rate }) {
  const bounded = ['kill', 'hang'].some((fault) => theory?.lost_unretried?.[fault] != null && theory[fault].lost_per_trial === null);
  if (!bounded) return '';
  const share = /^([\d.]+)%$/.exec(budget ?? '')?.[1];
  const allowed = share === undefined || !(Number(rate) > 0) ? '' : `: ${budget} of the requests and ${RESERVE} a second, ${count(RESERVE + (share / 100) * rate)}/s at this rate`;
  const limit = budget === 'off' ? 'and no retry-budget limits them' : `as far as retry-budget allows${allowed}`;
  return `≤: on average so many would be lost without retries; they save what may be sent twice, ${limit}`;
}

/** Why theory has no figure, once for each reason; what is lost with retries has a bound instead. */
export function reasonsOf(theory) {
  const all = ['kill', 'hang'].flatMap((fault) => [theory?.[fault]?.reason, theory?.lost_unretried?.[fault] != null ? null : theory?.[fault]?.lost_reason]);
  return [...new Set(all.filter(Boolean))].join('; ');
}

/** The last window of a fault like `fault` that is over and began with it, in use; `undefined`: there was none. */
export function lastMeasured(windows, fault) {
  let last;
  for (const window of windows?.values() ?? []) {
    // Of one that was out of use, or is used again, another time was measured, or none.
    if (window.open || (window.began ?? 'went') !== 'went' || !LIKE[fault].includes(window.fault)) continue;
    if (last === undefined || window.from > last.from) last = window;
  }
  return last;
}

/** `router-2`; of a fault that is only like the one of the column, `crash, router-2`. */
export function whoseWindow(window, fault) {
  return window.fault === fault ? window.router : `${word(window.fault)}, ${window.router}`;
}

/**
 * How the settings that a window was measured under differ from those in force: `at`, `['interval=2s']`, and `changed`,
 * `['fall']`, what was changed before it was over.
 */
export function measuredUnder(window, history) {
  const end = window.from + (window.t_detect_s ?? 0) * 1000;
  const then = history.settingsAt(window.from);
  if (then === null) return { at: [], changed: [] };
  const meanwhile = history.settingsChanges.filter(({ at }) => at > window.from && at <= end);
  const differs = (settings, key) => String(settings[key]) !== String(then[key]);
  const keys = Object.keys(then);
  const changed = keys.filter((key) => meanwhile.some(({ settings }) => differs(settings, key)));
  const others = keys.filter((key) => differs(history.settings, key) && !changed.includes(key));
  return { at: others.map((key) => `${key}=${then[key]}`), changed };
}

/** Shorter than that, and their number is an accident. */
const LEAST_MS = 5_000;
const MOST_MS = 60_000;

/** `{ perSecond, ms }`: the checks of all routers that were heard in the last minute, as far as nothing has changed in it. */
export function checksHeard(history) {
  const { now, began, holes, settingsChanges, routers } = history;
  const from = Math.max(now - MOST_MS, began, settingsChanges.at(-1)?.at ?? 0, ...holes.map(({ to }) => to ?? now));
  if (now - from < LEAST_MS) return undefined;
  let n = 0;
  for (const { checks } of routers.values()) n += checks.length - checks.from(from);
  return { perSecond: (n * 1000) / (now - from), ms: now - from };
}

/** `2.00 – 4.00`: the unit stands with the mean. */
function range({ min, max }) {
  if (max === 0) return '';
  const plain = (value) => time(value).replace(/ s$/, '');
  if (max === null) return `≥ ${plain(min)}`;
  return min === max ? 'exactly' : `${plain(min)} – ${plain(max)}`;
}

/** Three digits that count; more would say what no theory knows. */
function time(s) {
  return seconds(s * 1000, s < 10 ? 2 : 1);
}
