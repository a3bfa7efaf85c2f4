// Who of a browser's tabs holds a stream: a browser opens six connections to a lab, for all of its tabs together.

/** Streams at a time. The other connections are for files, questions and orders, which wait for none of them. */
const STREAMS = 2;
const NAME = 'resetlab-stream';

/**
 * This tab's place among those that hold a stream. Whoever is looked at comes first: a hidden tab makes way when one that
 * is seen wants a place.
 *
 * `world`: `{ locks, channel, document }`; without locks (they need a secure page) no tab has a place.
 */
export class Places {
  #world;
  #release = null;
  /** It made way, and tries again when it is seen. */
  #waits = false;

  /** `lost()`: this tab's place is another one's from now on. `ended(epoch)`: another tab has heard that lab's end. */
  constructor({ lost, ended }, world = browser()) {
    this.#world = world;
    world.channel?.addEventListener('message', ({ data }) => {
      if (data.ended) return ended(data.ended);
      if (!data.wanted || !world.document.hidden || this.#release === null) return;
      this.#waits = true;
      this.leave();
      lost();
    });
  }

  /** Whether this tab has a place, which it takes where one is free. */
  async take() {
    const { locks, document } = this.#world;
    if (!document.hidden) this.#waits = false;
    if (this.#release || this.#waits || !locks) return this.#release !== null;
    for (let place = 1; place <= STREAMS && this.#release === null; place++) {
      const release = await holdIfFree(locks, `${NAME}-${place}`);
      // Taken twice at a time: one is enough.
      if (this.#release) release?.();
      else this.#release = release;
    }
    if (this.#release === null && !document.hidden) this.#tell({ wanted: true });
    return this.#release !== null;
  }

  leave() {
    this.#release?.();
    this.#release = null;
  }

  /** The others hear it from this tab if they are too late to hear it from the lab. */
  end(epoch) {
    this.leave();
    this.#tell({ ended: epoch });
  }

  #tell(words) {
    this.#world.channel?.postMessage(words);
  }
}

/** Ends the hold when it is called; `null`: somebody else holds it. */
function holdIfFree(locks, name) {
  return new Promise((told) => {
    const held = (lock) => lock && new Promise((release) => told(release));
    locks.request(name, { ifAvailable: true }, held).then(() => told(null), () => told(null));
  });
}

function browser() {
  return {
    locks: navigator.locks,
    channel: typeof BroadcastChannel === 'function' ? new BroadcastChannel(NAME) : null,
    document,
  };
}
