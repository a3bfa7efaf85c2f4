// PURE: the health checks of one router, as columns in the order of their ends.

/** How a check can end, in the words of the records; the column has the index. */
export const RESULTS = ['ok', 'timeout', 'refused', 'reset', 'eof', 'status', 'malformed', 'other'];
export const PASSED = 0;
export const TIMED_OUT = 1;

export class Checks {
  constructor({ apart = true } = {}) {
    /** Those that did not pass once more: they are few, and each has to be seen. */
    this.failed = apart ? new Checks({ apart: false }) : null;
    this.length = 0;
    this.started = new Float64Array(64);
    this.ended = new Float64Array(64);
    this.result = new Uint8Array(64);
    /** The longest that one took: how far back from an end to look for a start. */
    this.longest = 0;
  }

  add(started, ended, result) {
    if (this.length === this.ended.length) this.#grow();
    let at = this.length++;
    for (; at > 0 && this.ended[at - 1] > ended; at--) {
      this.started[at] = this.started[at - 1];
      this.ended[at] = this.ended[at - 1];
      this.result[at] = this.result[at - 1];
    }
    const known = RESULTS.indexOf(result);
    this.started[at] = started;
    this.ended[at] = ended;
    this.result[at] = known < 0 ? RESULTS.length - 1 : known;
    this.longest = Math.max(this.longest, ended - started);
    if (this.result[at] !== PASSED) this.failed?.add(started, ended, result);
  }

  /** The first index from `index` on that ended at or after `time`: quick where that is not far. */
  skip(index, time) {
    let step = 1;
    while (index + step < this.length && this.ended[index + step] < time) {
      index += step;
      step *= 2;
    }
    while (index < this.length && this.ended[index] < time) index++;
    return index;
  }

  /** The first index that ended at or after `time`. */
  from(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ended[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  forget(before) {
    this.failed?.forget(before);
    const first = this.from(before);
    if (first === 0) return;
    for (const column of [this.started, this.ended, this.result]) column.copyWithin(0, first, this.length);
    this.length -= first;
  }

  #grow() {
    for (const name of ['started', 'ended', 'result']) {
      const column = new this[name].constructor(this.length * 2);
      column.set(this[name]);
      this[name] = column;
    }
  }
}
