// PURE: questions of which only the last one matters.

/**
 * Asks one at a time: while an answer is awaited, a newer question replaces the one that waits, and an answer that is
 * no longer wanted is not told.
 */
export class Newest {
  #ask;
  #tell;
  #busy = false;
  #waiting = null;
  #wanted = 0;

  /** `tell({ answer })` or `tell({ error })`. */
  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
  }

  want(question) {
    this.#wanted += 1;
    this.#waiting = { question, id: this.#wanted };
    if (!this.#busy) return this.#next();
  }

  /** Nothing is wanted any more. */
  forget() {
    this.#wanted += 1;
    this.#waiting = null;
  }

  async #next() {
    this.#busy = true;
    while (this.#waiting) {
      const { question, id } = this.#waiting;
      this.#waiting = null;
      const told = await this.#ask(question).then((answer) => ({ answer }), (error) => ({ error }));
      if (id === this.#wanted) this.#tell(told);
    }
    this.#busy = false;
  }
}
