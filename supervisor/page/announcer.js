// PURE: windows in a sentence, for those who hear the page.

import { count, seconds, word } from './format.js';

/** Windows are told of for a while only: of more than that, the oldest have long been over. */
const KNOWN = 1000;

/** Says what has become of windows; each opening and each closing once. */
export class Announcer {
  #known = new Map();

  /** Another lab has windows of its own. */
  forget() {
    this.#known.clear();
  }

  /** The sentence that is worth saying now; `null`: nothing new. */
  hear(windows) {
    let sentence = null;
    for (const window of windows) {
      const before = this.#known.get(window.id);
      this.#known.set(window.id, window.open);
      if (this.#known.size > KNOWN) this.#known.delete(this.#known.keys().next().value);
      if (before !== window.open) sentence = window.open ? opened(window) : closed(window);
    }
    return sentence;
  }
}

function opened(window) {
  return `${window.router} is gone (${word(window.fault)}); the balancer does not know it yet.`;
}

function closed(window) {
  const lost = count(window.window + window.in_flight);
  const detected = window.t_detect_s === null ? 'never noticed' : `noticed after ${seconds(window.t_detect_s * 1000, 2)}`;
  return `${window.router}: the reset window is closed, ${detected}, ${lost} requests lost.`;
}
