// Orders to the lab, and its answers.

/** The lab refused, or could not be asked; the message is for people. */
export class Refused extends Error {}

const KEPT = 'resetlab-token';
const KEPT_EPOCH = 'resetlab-epoch';
/** An order has reached the lab by then, or it is not carried out: a fault that comes when nobody expects it spoils what is
 * being measured. Milliseconds. */
const LATE = 2000;
/** And its answer has come by then, or is not waited for. */
const GIVEN_UP = 10_000;
/** It sends requests until the router dies of one, and tells so itself. */
const LONG = '/v1/crash';

/**
 * Asks and orders; `allowed` says whether this page may order anything. The token is one lab's: another one that
 * answers in its place does not take it.
 *
 * `world`: `{ storage, setTimeout, clearTimeout, labTime, late, forbidden }`; `labTime()` is the lab's time as far as it is
 * known, `late(words)` is told of an order that has no answer yet, `forbidden()` when this page may order nothing any more.
 */
export class Control {
  #token;
  #fetch;
  #world;
  #epoch;
  #ended = false;
  /** How the lab's program is called: `resetlab --lab shell`. */
  program = 'resetlab';

  constructor(token, ask = (...request) => fetch(...request), world = {}) {
    this.#token = token;
    this.#fetch = ask;
    this.#world = { ...timers(), ...world };
    this.#epoch = read(this.#world.storage, KEPT_EPOCH);
  }

  get allowed() {
    return this.#token !== null && !this.#ended;
  }

  /** Why nothing can be ordered. */
  get why() {
    return this.#ended ? 'The lab has ended' : `Looking only: open the URL that \`${this.program} ps\` prints to act on the lab`;
  }

  get ended() {
    return this.#ended;
  }

  /** Nobody is there any more who could be told anything. */
  end() {
    this.#ended = true;
  }

  /** The lab that is heard, by its epoch: the token belongs to the first one. */
  begin(epoch) {
    const { storage } = this.#world;
    if (this.#token === null || epoch === this.#epoch) return;
    if (this.#epoch !== null) return this.#forget();
    this.#epoch = epoch;
    keep(storage, KEPT_EPOCH, epoch);
  }

  /** `POST /v1/set` and its like. */
  async post(path, body) {
    const { setTimeout, clearTimeout, labTime, late } = this.#world;
    const now = labTime();
    if (now === null) throw new Refused('the lab has not been heard yet: it is told nothing before');
    const headers = { 'content-type': 'application/json', 'x-resetlab-token': this.#token, 'x-resetlab-before': String(Math.floor(now + LATE)) };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    if (path === LONG) return await this.#answer(path, request);
    const aborter = new AbortController();
    const doubt = setTimeout(() => late?.(`${words(path, body)}: no answer yet; what has not reached the lab by now is not carried out`), LATE);
    const end = setTimeout(() => aborter.abort(), GIVEN_UP);
    try {
      return await this.#answer(path, { ...request, signal: aborter.signal });
    } finally {
      clearTimeout(doubt);
      clearTimeout(end);
    }
  }

  /** `GET /v1/theory` of settings that are not in force: `{ interval: '1s' }`. */
  theory(settings) {
    return this.#answer(`/v1/theory?${new URLSearchParams(settings)}`, {});
  }

  async #answer(path, request) {
    let response, text;
    try {
      response = await this.#fetch(path, { ...request, cache: 'no-store' });
      text = await response.text();
    } catch {
      if (request.signal?.aborted) throw new Refused(`no answer for ${GIVEN_UP / 1000} s: what has not been carried out by now will not be`);
      throw new Refused(`the lab does not answer: is it still up? \`${this.program} ps\` tells`);
    }
    // Only a wrong token is refused so, as far as this page can ask.
    if (request.method === 'POST' && response.status === 403) this.#forget();
    const answer = parsed(text);
    if (response.ok && answer !== undefined) return answer;
    throw new Refused(answer?.error ?? (text.trim() || `the lab answered ${response.status}`));
  }

  /** A reload does not bring it back. */
  #forget() {
    this.#token = this.#epoch = null;
    for (const key of [KEPT, KEPT_EPOCH]) remove(this.#world.storage, key);
    this.#world.forbidden?.();
  }
}

/** `kill router-2`, `restart router-2`, `set fall=2`. */
function words(path, { router, fault, ...settings }) {
  const pairs = Object.entries(settings).map(([key, word]) => `${key}=${word}`);
  return [fault ?? path.split('/').at(-1), router, ...pairs].filter(Boolean).join(' ');
}

function timers() {
  return {
    setTimeout: (then, after) => setTimeout(then, after),
    clearTimeout: (timer) => clearTimeout(timer),
    labTime: () => null,
  };
}

/**
 * The token of `#token=…`, kept for the life of this tab so that a reload finds it; only then it leaves the address
 * bar, where it could be read over a shoulder. `null`: there is none.
 */
export function findToken(location, history, storage) {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return read(storage, KEPT);
  // Whose it is will be known when that lab is heard.
  if (given !== read(storage, KEPT)) remove(storage, KEPT_EPOCH);
  if (keep(storage, KEPT, given)) history.replaceState(null, '', location.pathname + location.search);
  return given;
}

function keep(storage, key, word) {
  try {
    storage.setItem(key, word);
    return storage.getItem(key) === word;
  } catch {
    return false;
  }
}

function read(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

function remove(storage, key) {
  try {
    storage.removeItem(key);
  } catch {
    // Nothing is kept there.
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
