// What somebody wishes of this page, in this browser.

/** One of `words`, the first unless another was chosen. A browser may forbid storage: it lasts as long as the page then. */
export class Wish {
  #key;
  #words;

  constructor(key, words) {
    this.#key = key;
    this.#words = words;
    this.is = words.find((word) => word === kept(key)) ?? words[0];
  }

  set(word) {
    this.is = word;
    try {
      localStorage.setItem(this.#key, word);
    } catch {
      // Nothing depends on it.
    }
  }

  /** The next word, after the last one the first. */
  turn() {
    this.set(this.#words[(this.#words.indexOf(this.is) + 1) % this.#words.length]);
  }
}

function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
