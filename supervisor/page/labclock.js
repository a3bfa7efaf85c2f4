// PURE: what time it is in the lab, by what was heard from it and when.

/** So long a sample counts: two clocks need not run at the same speed. */
const KEPT = 60_000;

/**
 * The lab's time is told in what comes from it, which takes its time to come: the estimate is never ahead of the lab,
 * and behind it by the quickest message of the last minutes.
 */
export class LabClock {
  #ahead = -Infinity;
  #recent = -Infinity;
  #turns = -Infinity;

  /** Another lab has another time. */
  begin() {
    this.#ahead = this.#recent = this.#turns = -Infinity;
  }

  /** The lab's time was at least `told` when the page's was `at`; both in milliseconds. */
  hear(told, at) {
    if (at >= this.#turns) {
      this.#ahead = this.#recent;
      this.#recent = -Infinity;
      this.#turns = at + KEPT;
    }
    this.#recent = Math.max(this.#recent, told - at);
    this.#ahead = Math.max(this.#ahead, this.#recent);
  }

  /** At the page's time `at`; `null`: nothing was heard yet. */
  time(at) {
    return this.#ahead === -Infinity ? null : at + this.#ahead;
  }
}
