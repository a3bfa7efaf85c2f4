// What the lab tells, as it comes: events in, whole batches out, once per picture.

import { Asking } from './asking.js';
import { Places } from './places.js';

/** A frame comes once a second at least: after so long without one the lab stands still. Milliseconds. */
const SILENT = 3000;
/** What has come is applied for so long between two pictures: an hour that comes at once leaves the page in use. */
const BUDGET = 12;
/** Meanwhile, what is not drawn is told that often. */
const CATCHING_UP = 500;
/** More do not wait for a picture, which may be long in coming. */
const LONGEST_QUEUE = 1000;
/** Tries again when the browser has given up. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 10000;

/**
 * Listens to `GET /v1/live`, over a connection of its own where this tab has a [place](./places.js), else by asking. The
 * listener has `hello(hello, heard)`, `frame(frame, heard)`, `gap(gap)`, `heard` being when that came, `applied(drawable)`
 * after each batch and `state({ is, since })`, `is` one of connecting, live, silent (connected, and nothing comes), reconnecting,
 * ended; `since` of silence is when the last was heard.
 *
 * What cannot be read, or what a listener throws at, is counted in `malformed` and skipped: one bad event must not end
 * the view of a lab that goes on.
 */
export class Stream {
  #listener;
  #world;
  #places;
  #source = null;
  /** Of several that open at a time, the last one counts. */
  #turn = 0;
  /** Another tab has heard the end of the lab that is heard here. */
  #endTold = false;
  #queue = [];
  #asked = false;
  #applied = -Infinity;
  #url = '';
  /** The id heard last: a lab that is another one by now knows it for none of its own. */
  #last = '';
  #retry = FIRST_RETRY;
  /** When something was heard last, or a page that was hidden began to listen in earnest. */
  #heard = 0;
  malformed = 0;
  state = { is: 'connecting', since: 0 };

  /** `world`: `{ EventSource, Asking, places, document, requestAnimationFrame, setTimeout, now }`, the browser's own unless tested. */
  constructor(listener, world = browser()) {
    this.#listener = listener;
    this.#world = world;
    this.#places = world.places({ lost: () => this.open(this.#url), ended: (epoch) => this.#toldOfEnd(epoch) });
    world.document.addEventListener('visibilitychange', () => {
      if (world.document.hidden) return;
      // What came meanwhile may still be on its way to the page.
      this.#heard = world.now();
      this.#drain(true);
    });
  }

  async open(url = '/v1/live') {
    this.#url = url;
    const turn = ++this.#turn;
    this.#source?.close();
    const held = await this.#places.take();
    if (turn !== this.#turn || this.state.is === 'ended') return;
    const { EventSource, Asking } = this.#world;
    const source = held ? new EventSource(this.#address()) : new Asking(() => this.#address('wait=false'));
    this.#source = source;
    // One that was given up may still have something to say.
    const listen = (kind, then) => source.addEventListener(kind, (event) => source === this.#source && then(event));
    listen('open', () => this.#opened());
    listen('error', () => this.#lost());
    listen('asked', () => this.#asks(turn));
    for (const kind of ['hello', 'frames', 'gap', 'end']) {
      listen(kind, ({ data, lastEventId }) => this.#hear({ kind, data, id: lastEventId }));
    }
  }

  /** To be called now and then: notices that nothing comes. */
  look() {
    if (this.state.is !== 'live' || this.#world.document.hidden) return;
    if (this.#world.now() - this.#heard >= SILENT) this.#is('silent', this.#heard);
  }

  close() {
    this.#turn++;
    this.#source?.close();
    this.#places.leave();
  }

  #address(...words) {
    if (this.#last !== '') words.unshift(`after=${encodeURIComponent(this.#last)}`);
    return [this.#url, words.join('&')].filter(Boolean).join('?');
  }

  /** One that asks takes a place as soon as there is one. */
  async #asks(turn) {
    if ((await this.#places.take()) && turn === this.#turn) this.open(this.#url);
  }

  /** What this tab has not heard yet it asks for at once; the lab may have gone meanwhile. */
  #toldOfEnd(epoch) {
    if (this.state.is === 'ended' || this.#last.split('.')[0] !== epoch) return;
    this.#endTold = true;
    if (this.state.is === 'reconnecting') this.#end();
    else this.#source?.now?.();
  }

  #opened() {
    this.#heard = this.#world.now();
    this.#is('live');
  }

  #hear(event) {
    this.#retry = FIRST_RETRY;
    this.#heard = this.#world.now();
    if (this.state.is === 'silent') this.#is('live');
    this.#queue.push({ ...event, heard: this.#heard });
    this.#last = event.id || this.#last;
    // Nothing comes after it: what is closed then was not lost.
    if (event.kind === 'end') this.close();
    if (this.#world.document.hidden) return this.#drain(false);
    if (this.#queue.length > LONGEST_QUEUE) this.#next();
    this.#ask();
  }

  #ask() {
    if (this.#asked) return;
    this.#asked = true;
    this.#world.requestAnimationFrame(() => {
      this.#asked = false;
      this.#drain(true);
    });
  }

  /** All, or, where pictures are drawn, as much as there is time for before the next one. */
  #drain(drawable) {
    const { now } = this.#world;
    const began = now();
    const some = this.#queue.length > 0;
    while (this.#queue.length > 0) {
      this.#next();
      if (drawable && now() - began >= BUDGET) break;
    }
    const behind = this.#queue.length > 0;
    if (behind) this.#ask();
    if (!(some || drawable) || (behind && began - this.#applied < CATCHING_UP)) return;
    this.#applied = began;
    this.#listener.applied(drawable);
  }

  #next() {
    const { kind, data, heard } = this.#queue.shift();
    this.#apply(kind, data, heard);
  }

  #apply(kind, data, heard) {
    try {
      const content = kind === 'end' ? null : JSON.parse(data);
      if (kind === 'hello') this.#listener.hello(content, heard);
      else if (kind === 'frames') this.#frames(content, heard);
      else if (kind === 'gap') this.#listener.gap(content);
      else this.#end();
    } catch (error) {
      this.malformed += 1;
      console.warn(`an event "${kind}" was skipped`, error);
    }
  }

  /** One frame that is wrong does not take the others with it. */
  #frames(frames, heard) {
    for (const frame of frames) {
      try {
        this.#listener.frame(frame, heard);
      } catch (error) {
        this.malformed += 1;
        console.warn(`frame ${frame?.seq} was skipped`, error);
      }
    }
  }

  #end() {
    this.close();
    this.#places.end(this.#last.split('.')[0]);
    this.#is('ended');
  }

  #lost() {
    if (this.state.is === 'ended') return;
    if (this.#endTold) return this.#end();
    this.#is('reconnecting');
    if (this.#source.readyState !== this.#world.EventSource.CLOSED) return;
    this.#world.setTimeout(() => this.state.is === 'ended' || this.open(this.#url), this.#retry);
    this.#retry = Math.min(this.#retry * 2, LONGEST_RETRY);
  }

  #is(is, since = this.#world.now()) {
    if (this.state.is === is) return;
    this.state = { is, since };
    this.#listener.state(this.state);
  }
}

function browser() {
  return {
    EventSource,
    Asking,
    places: (told) => new Places(told),
    document,
    requestAnimationFrame: (draw) => requestAnimationFrame(draw),
    setTimeout: (then, after) => setTimeout(then, after),
    now: () => performance.now(),
  };
}
