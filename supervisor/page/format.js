// PURE: numbers as the terminal and the report print them. What was not observed (null, undefined, NaN) is an en dash,
// never 0.

const NONE = '–';
const observed = (value) => typeof value === 'number' && Number.isFinite(value);

/** As many digits behind the point, of two that are as near the even one, as the terminal rounds: 62.5 is `62`. */
export function fixed(value, digits) {
  const scaled = value * 10 ** digits;
  // Only what has an end in binary can lie just between two.
  const between = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(scaled % 1) === 0.5;
  return (between ? (2 * Math.round(scaled / 2)) / 10 ** digits : value).toFixed(digits);
}

/** Groups of three: `1,250`. */
export function count(n) {
  if (!observed(n)) return NONE;
  return fixed(n, 0).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A time or a measured length in milliseconds, as the terminal has it: `3.171 s`. */
export function seconds(ms, digits = 3) {
  if (!observed(ms)) return NONE;
  const [whole, fraction] = fixed(Math.abs(ms) / 1000, digits).split('.');
  const sign = ms < 0 ? '−' : '';
  return `${sign}${count(Number(whole))}${fraction ? `.${fraction}` : ''} s`;
}

/** A length in milliseconds with as many digits as are worth reading: `0.42 ms`, `250 ms`, `1.5 s`, `2 min`, `1 h`. */
export function duration(ms) {
  if (!observed(ms)) return NONE;
  if (ms === 0) return '0 s';
  const [value, unit] =
    ms < 1000 ? [ms, 'ms'] : ms < 120_000 ? [ms / 1000, 's'] : ms < 7_200_000 ? [ms / 60_000, 'min'] : [ms / 3_600_000, 'h'];
  return `${significant(value)} ${unit}`;
}

/** A share of 1 in per cent. It is cut, not rounded, so that only what is whole says `100 %`: `99.93 %`, `99.996 %`. */
export function share(value) {
  if (!observed(value)) return NONE;
  if (value >= 1) return '100 %';
  if (value <= 0) return '0 %';
  // One digit after the nines, which is where the difference is.
  const nines = Math.floor(-Math.log10(1 - value) + 1e-9);
  const digits = Math.min(6, Math.max(value < 0.9 ? 1 : 2, nines - 1));
  const scale = 10 ** digits;
  // The small addition undoes what binary fractions lose: 0.29 × 100 is 28.999….
  return `${(Math.floor(value * 100 * scale + 1e-6) / scale).toFixed(digits)} %`;
}

/** A share as somebody chose it: `99.9 %`. */
export function percent(share) {
  return observed(share) ? `${Number((share * 100).toFixed(6))} %` : NONE;
}

/** What is left when `spent` of 1 is gone, rounded as reports round what is spent; what is not whole never says `100 %`. */
export function rest(spent) {
  if (!observed(spent)) return NONE;
  if (spent <= 0) return '100 %';
  for (let digits = 2; digits < 7; digits++) {
    const gone = Number(fixed(spent * 100, digits));
    if (gone > 0) return `${(100 - gone).toFixed(digits)} %`.replace('-', '−');
  }
  return 'nearly 100 %';
}

/** Per second: `200/s`, `0.5/s`. */
export function rate(value) {
  return observed(value) ? `${value >= 100 ? count(value) : significant(value)}/s` : NONE;
}

/** Lab time as a clock on the wall: `14:03:07`. */
export function wall(startedWall, ms) {
  const start = Date.parse(startedWall);
  if (!observed(start) || !observed(ms)) return NONE;
  return new Date(start + ms).toTimeString().slice(0, 8);
}

/** A word of the records for people: `going_down` → `going down`, `http_502` → `502`. */
export function word(name) {
  return String(name ?? NONE).replace(/^http_(\d+)$/, '$1').replace(/_/g, ' ');
}

/** Names with numbers in them in the order that people expect: router-2 before router-10. */
export function byName(a, b) {
  const [, wordA, numberA] = /^(.*?)(\d*)$/.exec(a);
  const [, wordB, numberB] = /^(.*?)(\d*)$/.exec(b);
  if (wordA !== wordB) return wordA < wordB ? -1 : 1;
  return Number(numberA) - Number(numberB);
}

function significant(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(value < 0.1 ? 3 : digits)));
}
