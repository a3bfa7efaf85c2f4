// PURE: the values that a slider stops at.

import { durationWord, milliseconds } from './duration.js';

const STEPS = [50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 7000, 10000, 15000, 20000, 30000, 60000];
const COUNTS = 10;

/** Steps of times that look evenly spaced on a log scale, and the value in force, whatever it is. */
export function times(inForce) {
  const here = milliseconds(inForce);
  const all = new Set(here ? [...STEPS, here] : STEPS);
  return new Ladder([...all].sort((a, b) => a - b).map(durationWord), (word) => Math.log(milliseconds(word) ?? NaN));
}

/** 1, 2, 3 …, up to the count in force where that is more. */
export function counts(inForce) {
  const most = Math.max(COUNTS, Number(inForce) || 0);
  return new Ladder(Array.from({ length: most }, (_, i) => String(i + 1)), Number);
}

/** Words in order; a slider's position is an index. */
export class Ladder {
  #measure;

  constructor(words, measure) {
    this.words = words;
    this.#measure = measure;
  }

  get last() {
    return this.words.length - 1;
  }

  word(index) {
    return this.words[Math.min(Math.max(Math.round(index), 0), this.last)];
  }

  /** The step nearest to a word; 0 for one that cannot be measured. */
  index(word) {
    const wanted = this.#measure(String(word));
    if (Number.isNaN(wanted)) return 0;
    const distances = this.words.map((step) => Math.abs(this.#measure(step) - wanted));
    return distances.indexOf(Math.min(...distances));
  }
}
