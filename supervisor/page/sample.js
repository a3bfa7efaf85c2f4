// PURE: buckets into columns as wide as can be seen. Sums, not averages, so that no lost request is ever lost again; and
// columns begin at multiples of their width, so that they do not change while time moves on.

import { COARSE } from './buckets.js';
import { BUCKET_MS } from './history.js';

const WIDTHS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((n) => n * BUCKET_MS);

/** The least width in milliseconds whose columns are at least `least` pixels wide. */
export function columnWidth(span, pixels, least = 1.75) {
  if (!(span > 0) || !(pixels > 0)) return BUCKET_MS;
  return WIDTHS.find((width) => (width / span) * pixels >= least) ?? WIDTHS.at(-1);
}

/** Which columns of that width touch [from, to]. */
export function columnRange(from, to, width) {
  const first = Math.max(0, Math.floor(from / width));
  return { first, count: Math.max(0, Math.ceil(to / width) - first) };
}

/** The coarsest level of buckets that has these columns, and how long one of its buckets is. */
function levelFor(buckets, width) {
  const coarse = BUCKET_MS * COARSE;
  return buckets.coarse && width % coarse === 0 ? { level: buckets.coarse, bucket: coarse } : { level: buckets, bucket: BUCKET_MS };
}

/** The sums of every kind in each column, one column after the other. */
export function columns(buckets, from, to, width) {
  const { first, count } = columnRange(from, to, width);
  const { level, bucket: length } = levelFor(buckets, width);
  const each = width / length;
  const kinds = buckets.kinds;
  const sums = new Float64Array(count * kinds);
  level.each(first * each, (first + count) * each, (bucket, counts, offset) => {
    const at = (Math.floor(bucket / each) - first) * kinds;
    for (let kind = 0; kind < kinds; kind++) sums[at + kind] += counts[offset + kind];
  });
  return { first, count, width, kinds, sums };
}

/**
 * The share of kind 0 over the `window` before the end of each column; NaN where nothing was due in it, and after `now`.
 */
export function rolling(buckets, from, to, width, window, now) {
  const { first, count } = columnRange(from, to, width);
  const { level, bucket: size } = levelFor(buckets, width);
  const each = width / size;
  const back = Math.round(window / size);
  const start = first * each - back;
  const length = (first + count) * each - start;
  const good = new Float64Array(length + 1);
  const all = new Float64Array(length + 1);
  level.each(Math.max(0, start), start + length, (bucket, counts, offset) => {
    const at = bucket - start + 1;
    good[at] = counts[offset];
    for (let kind = 0; kind < buckets.kinds; kind++) all[at] += counts[offset + kind];
  });
  for (let i = 1; i <= length; i++) {
    good[i] += good[i - 1];
    all[i] += all[i - 1];
  }
  const shares = new Float64Array(count).fill(NaN);
  for (let column = 0; column < count; column++) {
    if ((first + column) * width >= now) break;
    const end = back + (column + 1) * each;
    const due = all[end] - all[end - back];
    if (due > 0) shares[column] = (good[end] - good[end - back]) / due;
  }
  return shares;
}
