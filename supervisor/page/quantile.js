// PURE: quantiles of histograms whose bins grow geometrically, and the columns of a heat strip.

import { BINS, binStart } from './histograms.js';

/** Fewer than that many values beyond a quantile say nothing about it. */
const BEYOND = 1;

/** The latency in milliseconds that the share `q` of `total` does not exceed; null where there are too few to say. */
export function quantile(bins, total, q) {
  if (!(total > 0) || total * (1 - q) < BEYOND - 1e-9) return null;
  const rank = q * total;
  let below = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    const count = bins[bin];
    if (count > 0 && below + count >= rank) {
      const inside = (rank - below) / count;
      return binStart(bin + Math.max(0, inside));
    }
    below += count;
  }
  return null;
}

/** Widths that are kept: whoever goes back from a zoom finds what was merged before. */
const LEVELS = 6;
const COLUMNS = 4000;

/** Merged histograms in columns, each merged once: a frame that has been heard does not change any more. */
export class Merged {
  /** Columns by width, that of the last drawing at the end. */
  #levels = new Map();
  #whole = new Map();
  #histograms = null;
  #key = '';

  /**
   * What `make(histogram, total)` says of the frames in (end − window, end] for the column that ends at `end`. A column
   * that is not over yet ends `now`, and is made again each time.
   */
  column(histograms, width, index, window, now, make) {
    const key = `${width}/${window}`;
    if (histograms !== this.#histograms) this.#forget(histograms);
    if (key !== this.#key) this.#turn(key);
    if (this.#whole.size > COLUMNS) this.#whole.clear();
    const kept = this.#whole.get(index);
    if (kept !== undefined) return kept;
    const bins = new Uint32Array(BINS);
    const whole = (index + 1) * width <= now;
    const end = whole ? (index + 1) * width : now;
    const made = make(bins, histograms.merge(end - window, end, bins));
    if (whole) this.#whole.set(index, made);
    return made;
  }

  #forget(histograms) {
    this.#levels.clear();
    this.#histograms = histograms;
    this.#key = '';
  }

  #turn(key) {
    this.#key = key;
    this.#whole = this.#levels.get(key) ?? new Map();
    this.#levels.delete(key);
    this.#levels.set(key, this.#whole);
    if (this.#levels.size > LEVELS) this.#levels.delete(this.#levels.keys().next().value);
  }
}
