// The story of the lab, line by line, the newest at the end as in a terminal.

import { h, say, svg } from './dom.js';
import { count, seconds } from './format.js';
import { TONES, matches, routerOf } from './filter.js';

/** Longer ones are not shown whole. */
const LONG = 200;
/** Lines shown at most, and twice that while the reader stands above the end: more are found by filtering. */
const SHOWN = 400;
const TONE_WORDS = { '': 'all tones', plain: 'plain', good: 'good', warning: 'warnings', bad: 'bad' };
const SHAPES = {
  plain: 'M8 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5z',
  good: 'M2.5 8.5l3.5 3.5 7.5-8',
  warning: 'M8 2.5l6 11H2z',
  bad: 'M3.5 3.5l9 9m0-9l-9 9',
};

/** `pick(at, router)` is called for a line that is chosen; `router` may be null. `calm` is said where nothing has happened yet. */
export class Log {
  #lines = h('ol', { 'aria-label': 'Events' });
  #box;
  #older = h('p', { class: 'older', hidden: true }, 'Older lines are left out; a filter finds them.');
  #none = h('p', { class: 'older' });
  #newer = h('button', { type: 'button', class: 'newer', hidden: true, onclick: () => this.#toEnd() });
  #pick;
  #calm;
  #wanted = { text: '', router: '', tone: '' };
  #all = [];
  #heard = 0;
  #epoch = null;
  #unseen = 0;
  #following = true;
  /** What came last is not among the lines. */
  #behind = false;

  constructor({ place, filters, pick, calm }) {
    this.#calm = calm;
    this.#pick = pick;
    this.#box = h('div', { class: 'scroll', onscroll: () => this.#scrolled() }, this.#older, this.#none, this.#lines);
    place.append(this.#box, this.#newer);
    this.text = h('input', { type: 'search', placeholder: 'filter', 'aria-label': 'Filter by text', oninput: () => this.#filter() });
    this.router = h('select', { 'aria-label': 'Filter by router', onchange: () => this.#filter() }, everyRouter());
    this.tone = h('select', { 'aria-label': 'Filter by tone', onchange: () => this.#filter() },
      ['', ...TONES].map((tone) => h('option', { value: tone }, TONE_WORDS[tone])));
    filters.append(this.text, this.router, this.tone);
    new ResizeObserver(() => this.#following && this.#follow()).observe(this.#box);
    this.#lines.addEventListener('keydown', (event) => this.#walk(event));
  }

  update(history) {
    const another = history.epoch !== this.#epoch;
    if (another) {
      this.#epoch = history.epoch;
      this.#heard = 0;
    }
    const fresh = Math.min(history.logged - this.#heard, history.log.length);
    this.#all = history.log;
    // Another lab's events are none of this one's, even where there are none yet.
    if (another || (this.#heard === 0 && fresh > 0)) this.#show();
    else if (fresh > 0) this.#append(history.log.slice(-fresh));
    this.#heard = history.logged;
    this.#offer(history.names());
    this.#tellNone();
  }

  #tellNone() {
    this.#none.hidden = this.#lines.childElementCount > 0;
    say(this.#none, this.#all.length === 0 ? this.#calm : 'No line matches.');
  }

  #filter() {
    this.#wanted = { text: this.text.value.trim(), router: this.router.value, tone: this.tone.value };
    this.#show();
  }

  #show() {
    const found = this.#all.filter((line) => matches(line, this.#wanted));
    this.#behind = false;
    this.#lines.replaceChildren(...found.slice(-SHOWN).map((line) => this.#line(line)));
    this.#cut(found.length - SHOWN);
    this.#tellNone();
    this.#follow();
  }

  #append(lines) {
    const found = lines.filter((line) => matches(line, this.#wanted));
    if (found.length === 0) return;
    if (this.#following) {
      this.#lines.append(...found.slice(-SHOWN).map((line) => this.#line(line)));
      const over = this.#lines.children.length - SHOWN;
      for (let i = 0; i < over; i++) this.#lines.firstElementChild.remove();
      if (over > 0) this.#cut(over);
      return this.#follow();
    }
    // The reader stands somewhere: nothing is taken away above until the end is looked at again, so there is an end to
    // what is added below.
    const room = this.#behind ? 0 : 2 * SHOWN - this.#lines.children.length;
    this.#lines.append(...found.slice(0, Math.max(0, room)).map((line) => this.#line(line)));
    this.#behind ||= found.length > room;
    this.#unseen += found.length;
    this.#newer.hidden = false;
    say(this.#newer, `${count(this.#unseen)} new line${this.#unseen === 1 ? '' : 's'} below`);
  }

  #cut(older) {
    this.#older.hidden = older <= 0;
  }

  #follow() {
    this.#following = true;
    if (this.#behind) return this.#show();
    this.#unseen = 0;
    this.#newer.hidden = true;
    this.#box.scrollTop = this.#box.scrollHeight;
    const last = this.#lines.lastElementChild?.firstElementChild;
    if (last && !this.#lines.contains(document.activeElement)) this.#reach(last);
  }

  /** The button that is pressed goes away; the last line takes its focus. */
  #toEnd() {
    this.#follow();
    this.#lines.querySelector('[tabindex="0"]')?.focus();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const atEnd = scrollHeight - scrollTop - clientHeight < 8;
    if (atEnd && !this.#following) this.#follow();
    this.#following = atEnd;
  }

  #line(line) {
    const router = routerOf(line.text);
    const words = router ? [h('b', {}, router), line.text.slice(router.length)] : [line.text];
    const tone = TONES.includes(line.tone) ? line.tone : 'plain';
    const said = tone === 'plain' ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': tone };
    const icon = svg('svg', { viewBox: '0 0 16 16', ...said }, svg('path', { d: SHAPES[tone] }));
    const attributes = { type: 'button', class: 'line', 'data-tone': tone, tabindex: '-1', title: line.text.length > LONG ? line.text : null, onclick: () => this.#pick(line.at, router) };
    return h('li', {}, h('button', attributes, h('time', {}, seconds(line.at)), icon, h('span', {}, words)));
  }

  /** One stop for Tab; arrows walk. */
  #walk(event) {
    const item = event.target.closest('li');
    const to = {
      ArrowUp: item?.previousElementSibling,
      ArrowDown: item?.nextElementSibling,
      Home: this.#lines.firstElementChild,
      End: this.#lines.lastElementChild,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.#reach(to.firstElementChild);
    to.firstElementChild.focus();
  }

  #reach(button) {
    this.#lines.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
    button.setAttribute('tabindex', '0');
  }

  #offer(names) {
    const routers = names;
    if (this.router.options.length === routers.length + 1 && this.router.lastElementChild.value === (routers.at(-1) ?? '')) return;
    const chosen = this.router.value;
    this.router.replaceChildren(everyRouter(), ...routers.map((name) => h('option', {}, name)));
    this.router.value = routers.includes(chosen) ? chosen : '';
  }
}

function everyRouter() {
  return h('option', { value: '' }, 'all routers');
}
