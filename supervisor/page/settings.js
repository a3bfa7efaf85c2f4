// The settings in force, as fields: Enter or leaving a field applies it to the running lab.

import { h, say } from './dom.js';
import { meant } from './duration.js';
import { forSettings } from './commandline.js';

const FIRST = ['interval', 'timeout', 'fall', 'rise', 'detector', 'on-failure', 'restart-delay', 'rate'];
const LABELS = { 'restart-delay': 'restart after', rate: 'requests/s', 'on-failure': 'on failure' };

/** `world`: `control` applies, `command` is told what was done, `program()` is how the lab's program is called. */
export class Settings {
  #place;
  #world;
  #fields = new Map();
  #more = h('div', { class: 'grid' });

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
    this.#place.replaceChildren(...shown, ...(others.length ? [this.#disclosure()] : []));
  }

  /** All in force; a field that is being edited keeps what was typed. */
  update(settings) {
    if (!settings) return;
    for (const [key, field] of this.#fields) field.inForce(settings[key], settings);
  }

  #disclosure() {
    const details = h('details', { class: 'more' }, h('summary', {}, 'More settings'), this.#more);
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
}

/** One setting. */
class Field {
  #key;
  #world;
  #value = null;
  #pending = false;
  #wrong = h('p', { class: 'wrong', role: 'alert', hidden: true });

  constructor(key, live, world) {
    this.#key = key;
    this.#world = world;
    const id = `set-${key}`;
    const editable = live && world.control.allowed;
    const choices = choicesOf(key);
    this.input = choices
      ? h('select', { id, disabled: !editable })
      : h('input', { id, disabled: !editable, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', size: 6 });
    this.#wrong.id = `${id}-wrong`;
    this.input.setAttribute('aria-describedby', this.#wrong.id);
    if (!live) this.input.title = 'This is set when the lab starts';
    this.input.addEventListener('change', () => this.#apply());
    this.input.addEventListener('keydown', (event) => this.#typed(event));
    this.element = h('div', { class: 'field', 'data-key': key },
      h('label', { for: id }, LABELS[key] ?? key), this.input, this.#wrong);
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
    const word = this.input.localName === 'select' ? this.input.value : meant(this.input.value, this.#value);
    if (word === this.#value) return this.#restore();
    const change = { [this.#key]: word };
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
    }
  }

  #typed(event) {
    if (event.key !== 'Escape') return;
    if (this.input.value === this.#value && this.#wrong.hidden) return;
    event.preventDefault();
    this.#restore();
  }

  #restore() {
    this.input.value = this.#value;
    this.#is('');
  }

  #is(state, words = '') {
    this.#pending = state === 'pending';
    this.element.dataset.is = state;
    this.input.readOnly = this.#pending;
    this.input.setAttribute('aria-busy', String(this.#pending));
    this.input.setAttribute('aria-invalid', String(state === 'wrong'));
    this.#wrong.hidden = state !== 'wrong';
    say(this.#wrong, words && `${words}. Escape brings back ${this.#value}.`);
  }
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
