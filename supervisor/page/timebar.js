// Which stretch of time the charts show: live or paused, how much of it, and back from a zoom.

import { h, mark, say } from './dom.js';

const SPANS = [
  [15_000, '15 s'],
  [60_000, '1 min'],
  [300_000, '5 min'],
  [900_000, '15 min'],
  [3_600_000, '1 h'],
];

/** Buttons for a view. */
export class Timebar {
  #view;
  #pause;
  #back;
  #spans;

  constructor(place, view) {
    this.#view = view;
    this.#pause = h('button', { type: 'button', class: 'quiet', onclick: () => this.toggle() }, 'Pause');
    this.#back = h('button', { type: 'button', class: 'quiet', onclick: () => view.back(), title: 'To where the last zoom began' }, 'Back');
    this.#spans = SPANS.map(([ms, name]) => h('button', { type: 'button', class: 'quiet', onclick: () => view.setSpan(ms) }, name));
    place.append(this.#back, this.#pause, h('span', { class: 'spans', role: 'group', 'aria-label': 'Span' }, this.#spans));
    view.addEventListener('change', () => this.#show());
    this.#show();
  }

  toggle() {
    if (this.#view.live) this.#view.pause();
    else this.#view.resume();
  }

  /** The next longer (1) or shorter (−1) span. */
  step(direction) {
    const near = nearest(this.#view.span);
    const next = SPANS[near + direction];
    if (next) this.#view.setSpan(next[0]);
  }

  #show() {
    const { live, span, zoomed } = this.#view;
    say(this.#pause, live ? 'Pause' : 'Go live');
    mark(this.#pause, 'data-paused', !live);
    // The last step back takes the button away, and not the focus.
    if (!zoomed && document.activeElement === this.#back) this.#pause.focus();
    this.#back.hidden = !zoomed;
    this.#spans.forEach((button, index) => {
      button.setAttribute('aria-pressed', String(Math.abs(span / SPANS[index][0] - 1) < 0.01));
    });
  }
}

function nearest(span) {
  const distances = SPANS.map(([ms]) => Math.abs(Math.log(span / ms)));
  return distances.indexOf(Math.min(...distances));
}
