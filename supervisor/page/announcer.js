// PURE: windows in a sentence, for those who hear the page.

import { count, seconds, word } from './format.js';

/** Windows are told of for a while only: of more than that, the oldest have long been over. */
const KNOWN = 1000;

/** Says what has become of windows; each opening and each closing once. */
export class Announcer {
  #known = new Map();
  #news = [];
  #from = 0;

  /** A lab is heard that has told all before frame `from` already: that is no news. */
  begin(from) {
    this.#known.clear();
    this.#news = [];
    this.#from = from;
  }

  /** Takes what a frame tells of windows. */
  hear({ seq, windows = [] }) {
    for (const window of windows) {
      const before = this.#known.get(window.id);
      this.#known.set(window.id, window.open);
      if (this.#known.size > KNOWN) this.#known.delete(this.#known.keys().next().value);
      if (before !== window.open && seq >= this.#from) this.#news.push(window.open ? opened(window) : closed(window));
    }
  }

  /** The sentences that are worth saying now; `null`: nothing new. */
  news() {
    return this.#news.splice(0).join(' ') || null;
  }
}

function opened({ router, fault, began }) {
  if (began === 'taken_back') return `${router} is used again, and still gone (${word(fault)}).`;
  if (began === 'out_of_use') return `${router} is gone (${word(fault)}); the balancer did not use it.`;
  return `${router} is gone (${word(fault)}); the balancer does not know it yet.`;
}

function closed(window) {
  const lost = count(window.window + window.in_flight);
  if (window.began === 'out_of_use') return `${window.router} was out of use already: ${lost} requests lost.`;
  const detected = window.t_detect_s === null ? 'never noticed' : `noticed after ${seconds(window.t_detect_s * 1000, 2)}`;
  return `${window.router}: the reset window is closed, ${detected}, ${lost} requests lost.`;
}
