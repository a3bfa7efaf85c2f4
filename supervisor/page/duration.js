// PURE: durations in the words that settings use: `500ms`, `1m30s`.

const UNITS = { us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, sec: 1e3, m: 6e4, min: 6e4, h: 36e5, day: 864e5, days: 864e5, d: 864e5 };

/** Milliseconds; `null` for what is no duration: `interval`, `off`, `5`. */
export function milliseconds(word) {
  if (typeof word !== 'string' || !/^(\s*\d+\s*[a-zµ]+)+\s*$/.test(word)) return null;
  let sum = 0;
  for (const [, number, unit] of word.matchAll(/(\d+)\s*([a-zµ]+)/g)) {
    if (!Object.hasOwn(UNITS, unit)) return null;
    sum += Number(number) * UNITS[unit];
  }
  return sum;
}

/** A word that the lab takes back, with one unit, since fractions have none: `1500ms`. */
export function durationWord(ms) {
  for (const [unit, size] of [['h', 36e5], ['m', 6e4], ['s', 1e3], ['ms', 1]]) {
    if (ms >= size && Number.isInteger(ms / size)) return `${ms / size}${unit}`;
  }
  return `${Math.max(1, Math.round(ms * 1e3))}us`;
}

/**
 * What somebody meant by typing `word`: a bare number in place of a duration is in the unit of the value that it
 * replaces, everything else is for the lab to judge.
 */
export function meant(word, before) {
  const typed = word.trim();
  const unit = /^\d+(us|ms|s|m|h)$/.exec(before ?? '')?.[1];
  return /^\d+$/.test(typed) && unit ? typed + unit : typed;
}
