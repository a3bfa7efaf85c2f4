// Orders to the lab, and its answers.

/** The lab refused, or could not be asked; the message is for people. */
export class Refused extends Error {}

const KEPT = 'resetlab-token';

/** Asks and orders; `allowed` says whether this page may order anything. */
export class Control {
  #token;
  #fetch;
  #ended = false;
  /** How the lab's program is called: `resetlab --lab shell`. */
  program = 'resetlab';

  constructor(token, ask = (...request) => fetch(...request)) {
    this.#token = token;
    this.#fetch = ask;
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

  /** `POST /v1/set` and its like. */
  post(path, body) {
    const headers = { 'content-type': 'application/json', 'x-resetlab-token': this.#token };
    return this.#answer(path, { method: 'POST', headers, body: JSON.stringify(body) });
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
      throw new Refused(`the lab does not answer: is it still up? \`${this.program} ps\` tells`);
    }
    const answer = parsed(text);
    if (response.ok && answer !== undefined) return answer;
    throw new Refused(answer?.error ?? (text.trim() || `the lab answered ${response.status}`));
  }
}

/**
 * The token of `#token=…`, kept for the life of this tab so that a reload finds it; only then it leaves the address
 * bar, where it could be read over a shoulder. `null`: there is none.
 */
export function findToken(location, history, storage) {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return read(storage);
  if (keep(storage, given)) history.replaceState(null, '', location.pathname + location.search);
  return given;
}

function keep(storage, token) {
  try {
    storage.setItem(KEPT, token);
    return storage.getItem(KEPT) === token;
  } catch {
    return false;
  }
}

function read(storage) {
  try {
    return storage.getItem(KEPT);
  } catch {
    return null;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
