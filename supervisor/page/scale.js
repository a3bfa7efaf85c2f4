// PURE: from values to pixels and back, and where marks belong. A range of nothing has its value in the middle.

/** Linear: `at(value)` → pixel, `invert(pixel)` → value. */
export function linear(from, to, start, end) {
  const domain = to - from;
  const range = end - start;
  if (!(Math.abs(domain) > 0)) return { at: () => (start + end) / 2, invert: () => from };
  return {
    at: (value) => start + ((value - from) / domain) * range,
    invert: (pixel) => (range === 0 ? from : from + ((pixel - start) / range) * domain),
  };
}

/** Logarithmic; both ends are above 0. */
export function logarithmic(from, to, start, end) {
  const inner = linear(Math.log(from), Math.log(to), start, end);
  return { at: (value) => inner.at(Math.log(Math.max(value, 1e-12))), invert: (pixel) => Math.exp(inner.invert(pixel)) };
}

/** Shares in nines: 90 %, 99 %, 99.9 % … are as far from each other; the whole is at `most` nines. */
export function nines(most, start, end) {
  const inner = linear(1, most, start, end);
  const least = 1 - 10 ** -most;
  return { at: (share) => inner.at(share > least ? most : Math.max(1, -Math.log10(1 - share))) };
}

/** The least of 1, 2, 5 × 10ⁿ that is not below `value`. */
export function round125(value) {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value) + 1e-12);
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= value * (1 - 1e-12));
  return digit * power;
}

const TIME_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000];

/** At most `most` round times in [from, to], and how many digits of a second they need. */
export function timeTicks(from, to, most) {
  const span = to - from;
  if (!(span > 0) || !(most >= 1)) return { step: 0, digits: 0, ticks: [] };
  const step = TIME_STEPS.find((candidate) => span / candidate <= most) ?? round125(span / most);
  const ticks = [];
  for (let n = Math.ceil(from / step - 1e-9) + 0; n * step <= to + 1e-9 * step; n++) ticks.push(n * step);
  return { step, digits: step >= 1000 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3, ticks };
}

/** Round counts above 0 up to `max`, at most three. */
export function countTicks(max) {
  if (!(max > 0)) return [];
  const step = Math.max(1, round125(max / 3));
  const ticks = [];
  for (let tick = step; tick <= max; tick += step) ticks.push(tick);
  return ticks;
}
