// PURE but for being an EventTarget: which part of the history is looked at, and what is pointed at. `change` tells of
// every difference that time alone does not make.

/** Shorter than this, there is nothing between two marks. */
const SHORTEST_MS = 50;
const LONGEST_MS = 3_600_000;
/** Room after now in a live view, as a share of the span: what is expected next is drawn there. */
const AHEAD = 0.03;

export class View extends EventTarget {
  #history;
  #frozen = null;
  #span = 60_000;
  #before = [];

  constructor(history) {
    super();
    this.#history = history;
    this.crosshair = null;
    this.selected = null;
  }

  /** It moves with time. */
  get live() {
    return this.#frozen === null;
  }

  get from() {
    if (this.#frozen) return this.#frozen.from;
    return Math.max(this.#history.began, this.#history.now - this.#span * (1 - AHEAD));
  }

  get to() {
    return this.#frozen ? this.#frozen.to : this.from + this.#span;
  }

  get span() {
    return this.to - this.from;
  }

  /** Some zoom can be undone. */
  get zoomed() {
    return this.#before.length > 0;
  }

  pause() {
    if (!this.live) return;
    this.#frozen = { from: this.from, to: this.to };
    this.#changed();
  }

  resume() {
    this.#frozen = null;
    this.#before = [];
    this.#changed();
  }

  zoom(from, to) {
    if (!Number.isFinite(from) || !Number.isFinite(to)) return;
    this.#before.push(this.#frozen);
    this.#frozen = fit(Math.min(from, to), Math.max(from, to));
    this.#changed();
  }

  /** To where the last zoom began. */
  back() {
    if (this.#before.length === 0) return;
    this.#frozen = this.#before.pop();
    this.#changed();
  }

  /** How much is seen: of the last time when live, about the middle (or the crosshair) when paused. */
  setSpan(ms) {
    const span = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms));
    if (this.live) {
      this.#span = span;
    } else {
      const { from, to } = this.#frozen;
      const inside = this.crosshair !== null && this.crosshair >= from && this.crosshair <= to;
      const anchor = inside ? this.crosshair : (from + to) / 2;
      const start = anchor - ((anchor - from) / (to - from)) * span;
      this.#frozen = { from: start, to: start + span };
    }
    this.#changed();
  }

  setCrosshair(time) {
    if (time === this.crosshair) return;
    this.crosshair = time;
    this.#changed();
  }

  select(router) {
    if (router === this.selected) return;
    this.selected = router;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

function fit(from, to) {
  const short = Math.max(0, SHORTEST_MS - (to - from)) / 2;
  return { from: from - short, to: Math.min(to + short, from - short + LONGEST_MS) };
}
