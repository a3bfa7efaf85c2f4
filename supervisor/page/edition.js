// Whether this page and the lab that it hears are of one edition.

const SCHEMA = 'resetlab.page.v1';
const KEPT = 'resetlab-loaded-for';

/**
 * A tab may outlive its lab, and hear another one's frames at the same address: those of a newer program it need not
 * understand. `reload()` loads the page anew; it is called once for each edition, as far as `storage` remembers.
 */
export class Edition {
  #storage;
  #reload;
  #version = null;
  /** What is heard can be read. */
  fits = true;

  constructor(storage, reload) {
    this.#storage = storage;
    this.#reload = reload;
  }

  hear({ schema, version }) {
    this.#version ??= version;
    const readable = schema === SCHEMA;
    const leaves = (!readable || version !== this.#version) && this.#again(`${schema} ${version}`);
    this.fits = readable && !leaves;
    return this.fits;
  }

  /** Whether the page is being loaded anew; not twice for the same lab. */
  #again(edition) {
    try {
      if (this.#storage.getItem(KEPT) === edition) return false;
      this.#storage.setItem(KEPT, edition);
      if (this.#storage.getItem(KEPT) !== edition) return false;
    } catch {
      return false;
    }
    this.#reload();
    return true;
  }
}
