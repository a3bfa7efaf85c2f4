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

/** Merged histograms in columns, each merged once: a frame that has been heard does not change any more. */
export class Merged {
  #whole = new Map();
  #histograms = null;
  #key = '';

  /**
   * What `make(histogram, total)` says of the frames in (end − window, end] for the column that ends at `end`. A column
   * that is not over yet ends `now`, and is made again each time.
   */
  column(histograms, width, index, window, now, make) {
    const key = `${width}/${window}`;
    if (histograms !== this.#histograms || key !== this.#key || this.#whole.size > 8000) {
      this.#whole.clear();
      this.#histograms = histograms;
      this.#key = key;
    }
    const kept = this.#whole.get(index);
    if (kept !== undefined) return kept;
    const bins = new Uint32Array(BINS);
    const whole = (index + 1) * width <= now;
    const end = whole ? (index + 1) * width : now;
    const made = make(bins, histograms.merge(end - window, end, bins));
    if (whole) this.#whole.set(index, made);
    return made;
  }
}
