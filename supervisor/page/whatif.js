// What theory would predict under other settings, beside what is in force and what was measured last.

import { able, h, ifAble, say } from './dom.js';
import { count, duration, rate, seconds } from './format.js';
import { counts, times } from './ladder.js';
import { Newest } from './newest.js';
import { forSettings } from './commandline.js';
import { choicesOf, offer } from './settings.js';
import { lostIn } from './spans.js';
import { bounds, checksHeard, lastMeasured, measuredUnder, reasonsOf, retriesOf, whoseWindow } from './expectation.js';

const SLIDERS = { interval: times, timeout: times, fall: counts, rise: counts };
const CHOICES = ['detector', 'on-failure'];
const HELP = {
  'what if': 'what theory says of the settings above',
  'in force': 'what theory says of the settings in force',
  measured: 'the last window of such a fault, under the settings of then, and the checks of the last minute',
};
const COLUMNS = ['what if', 'in force', 'measured'];
/** Settings of then that there is room for. */
const NAMED = 3;

/**
 * `control` is asked for theory and told to apply; `command` is told what was done; `program()` is how the lab's
 * program is called.
 */
export class WhatIf {
  #world;
  #ask;
  #live = new Set();
  #force = {};
  /** What differs from the settings in force, by key. */
  #draft = {};
  #theory = null;
  #answer = null;
  #history = null;
  #controls = new Map();
  #table = new Table();
  #reason = h('p', { class: 'reason', role: 'status' });
  #apply = h('button', { type: 'button', onclick: ifAble(() => this.#send()) }, 'Apply');
  #reset = h('button', { type: 'button', class: 'quiet', onclick: ifAble(() => this.reset()) }, 'Reset');

  constructor({ place, buttons, ...world }) {
    this.#world = world;
    this.#ask = new Newest((draft) => world.control.theory(draft), (told) => this.#told(told));
    const sliders = Object.keys(SLIDERS).map((key) => this.#slider(key));
    const choices = CHOICES.map((key) => this.#choice(key));
    place.append(h('div', { class: 'sliders' }, sliders), h('div', { class: 'choices' }, choices), this.#table.element, this.#reason);
    buttons.append(this.#reset, this.#apply);
    this.#show();
  }

  begin(hello) {
    this.#live = new Set(hello.live_keys);
    this.reset();
  }

  update(history) {
    this.#history = history;
    if (history.settings && history.settings !== this.#force) this.#changed(history.settings);
    this.#theory = history.theory;
    this.#show();
  }

  reset() {
    this.#ask.forget();
    this.#draft = {};
    this.#answer = null;
    for (const control of this.#controls.values()) control.inForce(this.#force, undefined);
    this.#show();
  }

  /** Nobody is left to be asked. */
  end() {
    this.#ask.forget();
    for (const control of this.#controls.values()) control.input.disabled = true;
    this.#show();
  }

  /** What somebody else sets becomes the base; what is tried here stays tried, unless it is in force now. */
  #changed(settings) {
    this.#force = settings;
    for (const [key, word] of Object.entries(this.#draft)) if (String(settings[key]) === word) delete this.#draft[key];
    for (const [key, control] of this.#controls) control.inForce(settings, this.#draft[key]);
    this.#wonder();
  }

  #try(key, word) {
    if (word === String(this.#force[key])) delete this.#draft[key];
    else this.#draft[key] = word;
    this.#wonder();
  }

  #wonder() {
    if (Object.keys(this.#draft).length === 0) {
      this.#ask.forget();
      this.#answer = null;
    } else {
      this.#ask.want({ ...this.#draft });
    }
    this.#show();
  }

  #told({ answer, error }) {
    this.#answer = error ? { error: error.message } : answer;
    this.#show();
  }

  async #send() {
    const changes = { ...this.#draft };
    able(this.#apply, false);
    try {
      await this.#world.control.post('/v1/set', changes);
      this.#world.command.did(forSettings(this.#world.program(), changes));
    } catch (error) {
      this.#world.command.failed(error.message);
    }
    this.#show();
  }

  #show() {
    const tried = Object.keys(this.#draft);
    const wrong = this.#answer?.error;
    const whatIf = tried.length === 0 ? this.#theory : wrong ? null : this.#answer;
    this.#table.show(whatIf, this.#theory, this.#history);
    const settings = { ...this.#force, ...this.#draft };
    const frozen = tried.find((key) => !this.#live.has(key));
    say(this.#reason, wrong ?? [reasonsOf(whatIf), retriesOf(whatIf, settings), priceOf(settings), frozen && `${frozen} is set when the lab starts, not now`].filter(Boolean).join('; '));
    this.#reason.toggleAttribute('data-wrong', wrong !== undefined);
    const { allowed, ended, why } = this.#world.control;
    this.#apply.disabled = !allowed;
    this.#apply.title = allowed ? '' : why;
    able(this.#apply, allowed && tried.length > 0 && wrong === undefined && frozen === undefined);
    this.#reset.disabled = ended;
    able(this.#reset, !ended && tried.length > 0);
  }

  #slider(key) {
    const input = h('input', { type: 'range', min: 0, step: 1, id: `whatif-${key}` });
    const output = h('output', { for: input.id });
    let ladder = SLIDERS[key]();
    input.addEventListener('input', () => {
      const word = ladder.word(input.value);
      tell(word);
      this.#try(key, word);
    });
    const tell = (word) => {
      say(output, word);
      input.setAttribute('aria-valuetext', word);
      output.toggleAttribute('data-tried', word !== String(this.#force[key]));
    };
    this.#controls.set(key, {
      input,
      inForce(settings, tried) {
        const word = String(settings[key] ?? '');
        // A timeout may be in force as the word `interval`, which is as long as that.
        const long = word === 'interval' ? settings.interval : word;
        ladder = SLIDERS[key](long);
        input.max = ladder.last;
        input.value = ladder.index(tried ?? long);
        tell(tried ?? word);
      },
    });
    return h('div', { class: 'slider' }, h('label', { for: input.id }, key), input, output);
  }

  #choice(key) {
    const select = h('select', { id: `whatif-${key}` });
    select.addEventListener('change', () => {
      select.toggleAttribute('data-tried', select.value !== String(this.#force[key]));
      this.#try(key, select.value);
    });
    this.#controls.set(key, {
      input: select,
      inForce(settings, tried) {
        const word = String(settings[key] ?? '');
        offer(select, choicesOf(key)(settings), word);
        select.value = tried ?? word;
        select.toggleAttribute('data-tried', tried !== undefined);
      },
    });
    return h('div', { class: 'choice' }, h('label', { for: select.id }, key), select);
  }
}

/** Figures side by side: rows are faults, columns are what theory or measurement they come from. */
class Table {
  #cells = new Map();
  #then = new Map();

  constructor() {
    const row = (id, words, note = false) => {
      const cells = COLUMNS.map(() => h('td'));
      this.#cells.set(id, cells);
      return h('tr', { class: note ? 'range' : '' }, h('th', { scope: 'row' }, words), cells);
    };
    const then = (id) => {
      const cell = h('td', { colspan: COLUMNS.length + 1 });
      const element = h('tr', { class: 'range then', hidden: true }, cell);
      this.#then.set(id, { cell, element });
      return element;
    };
    this.element = h('table', {},
      h('thead', {}, h('tr', {}, h('td'), COLUMNS.map((name) => h('th', { scope: 'col', title: HELP[name] }, name)))),
      h('tbody', {}, row('kill', 'killed'), row('kill-range', 'Down after', true), row('kill-lost', 'lost'), row('kill-saved', 'saved by retry', true), then('kill')),
      h('tbody', {}, row('hang', 'hung'), row('hang-range', 'Down after', true), row('hang-lost', 'lost'), row('hang-saved', 'saved by retry', true), then('hang')),
      h('tbody', {}, row('checks', 'checks')));
  }

  show(whatIf, theory, history) {
    for (const fault of ['kill', 'hang']) {
      const [tried, force] = [bounds(whatIf, fault), bounds(theory, fault)];
      const last = lastMeasured(history?.windows, fault);
      this.#set(fault, [tried.mean, force.mean, last && took(last)]);
      this.#set(`${fault}-range`, [tried.range, force.range, last && whoseWindow(last, fault)]);
      this.#set(`${fault}-lost`, [tried.lost, force.lost, last && count(lostIn(last))]);
      this.#cells.get(`${fault}-range`)[2].title = last ? whoseWindow(last, fault) : '';
      this.#saved(fault, last?.saved_by_retry ?? 0);
      this.#under(fault, last ? measuredUnder(last, history) : { at: [], changed: [] });
    }
    const heard = history && checksHeard(history);
    this.#set('checks', [rate(whatIf?.checks_per_s), rate(theory?.checks_per_s), heard && rate(heard.perSecond)]);
    this.#cells.get('checks')[2].title = heard ? `of all routers, heard in the last ${duration(heard.ms)}` : '';
  }

  /** Requests that another router has answered; no row where there are none. */
  #saved(fault, saved) {
    const cells = this.#cells.get(`${fault}-saved`);
    cells[0].parentElement.hidden = saved === 0;
    this.#set(`${fault}-saved`, ['', '', count(saved)]);
  }

  /** What was measured under other settings is not to be compared unseen. */
  #under(fault, { at, changed }) {
    const shown = (words) => words.slice(0, NAMED).join(' ') + (words.length > NAMED ? ' …' : '');
    const words = [at.length && `at ${shown(at)}`, changed.length && `while ${shown(changed)} changed`].filter(Boolean);
    const { cell, element } = this.#then.get(fault);
    element.hidden = words.length === 0;
    say(cell, words.length ? `measured ${words.join(', ')}` : '');
    cell.title = [...at, ...changed.map((key) => `${key} changed`)].join(' ');
    for (const id of [fault, `${fault}-range`, `${fault}-lost`, `${fault}-saved`]) this.#cells.get(id)[2].toggleAttribute('data-then', words.length > 0);
  }

  #set(id, words) {
    this.#cells.get(id).forEach((cell, index) => say(cell, words[index] ?? '–'));
  }
}

/** What is over in a moment has its milliseconds. */
function took({ t_detect_s: s }) {
  return s === null ? 'never' : seconds(s * 1000, s < 0.1 ? 3 : 2);
}

/** What passive ejection costs beside what it saves: no lost request tells of it. */
function priceOf(settings) {
  if (!String(settings.detector ?? '').split('+').includes('passive')) return '';
  return `passive takes a router out of use for ${settings['passive-ejection']} (passive-ejection), even if it is well again sooner`;
}
