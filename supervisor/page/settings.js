// The settings in force, as fields: Enter or leaving a field applies it to the running lab, and so does a choice that is
// made by pointer. Keys that walk through choices apply none of them.

import { h, say } from './dom.js';
import { meant } from './duration.js';
import { forSettings } from './commandline.js';

const FIRST = ['interval', 'timeout', 'fall', 'rise', 'detector', 'on-failure', 'restart-delay', 'rate'];
const UNITS = { rate: 'requests a second', 'restart-delay': 'from a death until the router is started again' };

/** `world`: `control` applies, `command` is told what was done, `program()` is how the lab's program is called. */
export class Settings {
  #place;
  #world;
  #fields = new Map();
  #more = h('div', { class: 'grid' });
  #disclosure = disclosure(this.#more);

  constructor(place, world) {
    this.#place = place;
    this.#world = world;
  }

  begin(hello) {
    const live = new Set(hello.live_keys);
    const others = hello.live_keys.filter((key) => !FIRST.includes(key));
    this.#fields.clear();
    const make = (key) => {
      const field = new Field(key, live.has(key), this.#world);
      this.#fields.set(key, field);
      return field.element;
    };
    this.#more.replaceChildren(...others.map(make));
    const shown = FIRST.map(make);
    this.#place.replaceChildren(...shown, ...(others.length ? [this.#disclosure] : []));
  }

  /** Nothing can be set any more. */
  end() {
    for (const field of this.#fields.values()) field.end();
  }

  /** All in force; a field that is being edited keeps what was typed. */
  update(settings) {
    if (!settings) return;
    for (const [key, field] of this.#fields) field.inForce(settings[key], settings);
  }
}

/** What is shown on demand; Escape and a click elsewhere close it. */
function disclosure(content) {
  const details = h('details', { class: 'more' }, h('summary', {}, 'More settings'), content);
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    details.open = false;
    details.firstElementChild.focus();
  });
  document.addEventListener('click', (event) => {
    if (!details.contains(event.target)) details.open = false;
  });
  return details;
}

/** One setting. */
class Field {
  #key;
  #world;
  #value = null;
  #pending = false;
  #ended = false;
  /** Keys walk through the choices. */
  #walks = false;
  #wrong = h('p', { class: 'wrong', role: 'alert', hidden: true });

  constructor(key, live, world) {
    this.#key = key;
    this.#world = world;
    const id = `set-${key}`;
    const editable = live && world.control.allowed;
    const choices = choicesOf(key);
    const why = !live ? 'This is set when the lab starts' : editable ? UNITS[key] : world.control.why;
    this.input = choices
      ? h('select', { id, disabled: !editable })
      : h('input', { id, disabled: !editable, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', size: 6 });
    this.#wrong.id = `${id}-wrong`;
    this.input.setAttribute('aria-describedby', this.#wrong.id);
    if (why) this.input.title = why;
    this.input.addEventListener('change', () => (this.#walks ? this.#draft() : this.#apply()));
    this.input.addEventListener('pointerdown', () => (this.#walks = false));
    this.input.addEventListener('blur', () => this.#commit());
    this.input.addEventListener('keydown', (event) => this.#typed(event));
    this.element = h('div', { class: 'field', 'data-key': key },
      h('label', { for: id }, key), this.input, this.#wrong);
  }

  inForce(value, settings) {
    if (value === undefined) {
      this.element.hidden = true;
      return;
    }
    this.element.hidden = false;
    const word = String(value);
    if (this.input.localName === 'select') offer(this.input, [...choicesOf(this.#key)(settings)], word);
    const untouched = this.#value === null || this.input.value === this.#value;
    const editing = document.activeElement === this.input && !untouched;
    const changed = word !== this.#value;
    this.#value = word;
    if (changed && !editing && !this.#pending && this.#wrong.hidden) this.input.value = word;
  }

  async #apply() {
    if (this.#ended) return this.#restore();
    const word = this.input.localName === 'select' ? this.input.value : meant(this.input.value, this.#value);
    if (word === this.#value) return this.#restore();
    const change = { [this.#key]: word };
    this.#walks = false;
    this.#is('pending');
    try {
      const answer = await this.#world.control.post('/v1/set', change);
      this.#is('');
      const now = answer.settings?.[this.#key];
      if (now !== undefined) this.#value = String(now);
      this.input.value = this.#value;
      this.#world.command.did(forSettings(this.#world.program(), change));
    } catch (error) {
      this.#is('wrong', error.message);
      this.#world.command.failed(error.message);
    }
  }

  /** What keys have come to waits until it is meant. */
  #draft() {
    this.#is(this.input.value === this.#value ? '' : 'draft');
  }

  #commit() {
    if (!this.#walks) return;
    this.#walks = false;
    this.#apply();
  }

  #typed(event) {
    if (this.input.localName === 'select' && event.key !== 'Escape') {
      if (event.key !== 'Enter') return void (this.#walks ||= walks(event));
      if (this.element.dataset.is !== 'draft') return;
      event.preventDefault();
      return this.#commit();
    }
    if (event.key !== 'Escape') return;
    this.#walks = false;
    if (this.input.value === this.#value && this.#wrong.hidden) return;
    event.preventDefault();
    this.#restore();
  }

  /** One that has the focus keeps it: it is disabled when that goes. */
  end() {
    this.#ended = true;
    if (this.element.dataset.is === 'draft') this.#restore();
    this.input.title = this.#world.control.why;
    if (document.activeElement !== this.input) return void (this.input.disabled = true);
    this.input.readOnly = true;
    this.input.setAttribute('aria-disabled', 'true');
    this.input.addEventListener('blur', () => {
      this.#restore();
      this.input.disabled = true;
    }, { once: true });
  }

  #restore() {
    this.#walks = false;
    this.input.value = this.#value;
    this.#is('');
  }

  #is(state, words = '') {
    this.#pending = state === 'pending';
    this.element.dataset.is = state;
    this.input.readOnly = this.#pending || this.#ended;
    this.input.setAttribute('aria-busy', String(this.#pending));
    this.input.setAttribute('aria-invalid', String(state === 'wrong'));
    this.#wrong.hidden = state !== 'wrong';
    say(this.#wrong, words && `${words}. Escape brings back ${this.#value}.`);
  }
}

/** Whether a key may choose something else: arrows, Home, and the letters that choices begin with. */
function walks({ key, ctrlKey, metaKey }) {
  return /^(Arrow|Page|Home$|End$)/.test(key) || (key.length === 1 && !ctrlKey && !metaKey);
}

const DETECTORS = ['poll', 'passive', 'sentinel', 'notice', 'passive+sentinel', 'passive+notice', 'sentinel+notice'];

/** What may be chosen under other settings; `undefined`: the setting is typed. */
export function choicesOf(key) {
  return {
    detector: () => DETECTORS,
    'on-failure': (settings) => (settings?.mode === 'tcp' ? ['reset', 'close', 'retry-connect'] : ['reset', '502', 'retry']),
  }[key];
}

/** Makes `choices` a select's options, with `word` among them whatever it is; what is chosen stays chosen. */
export function offer(select, choices, word) {
  const wanted = choices.includes(word) ? choices : [...choices, word];
  const have = [...select.options].map((option) => option.value);
  if (have.join() === wanted.join()) return;
  const chosen = select.value || word;
  select.replaceChildren(...wanted.map((choice) => h('option', {}, choice)));
  select.value = wanted.includes(chosen) ? chosen : word;
}
