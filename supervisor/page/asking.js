// The lab's events for a tab that holds no connection: it asks again and again what is new.

const SEEN_EVERY = 250;
const HIDDEN_EVERY = 1000;

/**
 * Like an `EventSource` that gives up at the first failure, with one event more: `asked`, after each answer. `url()` is
 * where to ask now.
 */
export class Asking {
  #url;
  #world;
  #heard = {};
  #timer = null;
  #abort = new AbortController();
  readyState = 0;

  constructor(url, world = browser()) {
    this.#url = url;
    this.#world = world;
    this.#timer = world.setTimeout(() => this.now(), 0);
  }

  addEventListener(kind, then) {
    this.#heard[kind] = then;
  }

  close() {
    this.readyState = 2;
    this.#world.clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Asks without waiting for its time. */
  async now() {
    const { fetch, clearTimeout, setTimeout, document } = this.#world;
    clearTimeout(this.#timer);
    try {
      const response = await fetch(this.#url(), { cache: 'no-store', signal: this.#abort.signal });
      if (!response.ok) throw new Error(`the lab answered ${response.status}`);
      if (this.readyState === 0) this.#tell('open');
      this.readyState = Math.max(1, this.readyState);
      await read(response.body.getReader(), (kind, event) => this.#tell(kind, event));
    } catch {
      if (this.readyState === 2) return;
      this.readyState = 2;
      return this.#tell('error');
    }
    if (this.readyState === 2) return;
    this.#timer = setTimeout(() => this.now(), document.hidden ? HIDDEN_EVERY : SEEN_EVERY);
    this.#tell('asked');
  }

  #tell(kind, event) {
    if (this.readyState !== 2 || kind === 'error') this.#heard[kind]?.(event);
  }
}

/** Server-sent events, as far as the lab uses them: each has a name and one line of data, some an id. */
async function read(reader, tell) {
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const { event: kind, data, id = '' } = Object.fromEntries(event.split('\n').map(field));
      if (kind) tell(kind, { data, lastEventId: id });
    }
  }
}

function field(line) {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}

function browser() {
  return {
    fetch: (...request) => fetch(...request),
    setTimeout: (then, after) => setTimeout(then, after),
    clearTimeout: (timer) => clearTimeout(timer),
    document,
  };
}
