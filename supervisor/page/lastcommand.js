// PURE but for the storage that it is given: what was done last in this tab, for when the page is loaded again.

const KEPT = 'resetlab-command';

/** Of one lab, by its epoch: what was done to another one is not this one's. Without a storage nothing is kept. */
export class LastCommand {
  #storage;
  #epoch = null;

  constructor(storage) {
    this.#storage = storage;
  }

  /** That lab is heard; what was done to it here before, or `''`. */
  begin(epoch) {
    this.#epoch = epoch;
    try {
      const kept = JSON.parse(this.#storage.getItem(KEPT));
      return kept.epoch === epoch && typeof kept.line === 'string' ? kept.line : '';
    } catch {
      return '';
    }
  }

  did(line) {
    try {
      this.#storage.setItem(KEPT, JSON.stringify({ epoch: this.#epoch, line }));
    } catch {
      // It is on the page as long as that is not loaded again.
    }
  }
}
