// The lab at a glance: which one it is, how its clients fare, what theory expects, whether the page still hears it.

import { h, say } from './dom.js';
import { bounds } from './expectation.js';
import { count, share, word } from './format.js';

const MINUTE_MS = 60_000;

/** The elements are those of the page: `where` and `connection` are paragraphs, `figures` is a list of definitions. */
export class Header {
  #where;
  #connection;
  #figures = {
    success: new Figure('success', 'succeeded, last minute'),
    lost: new Figure('lost', 'lost since the start'),
    budget: new Figure('budget', 'error budget left'),
    kill: new Figure('kill', 'killed: Down expected after'),
    hang: new Figure('hang', 'hung: Down expected after'),
  };

  constructor({ where, figures, connection }) {
    this.#where = where;
    this.#connection = connection;
    figures.append(...Object.values(this.#figures).map((figure) => figure.element));
  }

  /** `stream`: `{ state, malformed }`; `now` is the clock of its `since`. */
  update(history, stream, now) {
    this.#hears(history, stream, now);
    const { hello } = history;
    if (!hello) return;
    const words = [`lab ${hello.lab}`, hello.engine, presetWord(history.preset)];
    say(this.#where, words.filter(Boolean).join(' · '));
    this.#where.title = history.preset ? `preset ${history.preset}` : '';
    say(document.querySelector('title'), `${hello.lab} · resetlab`);
    this.#requests(history);
    for (const fault of ['kill', 'hang']) this.#figures[fault].show(...expected(history.theory?.[fault]));
  }

  #requests(history) {
    const { success, lost, budget } = this.#figures;
    const { hello, totals } = history;
    const now = history.success(history.now - MINUTE_MS, history.now);
    const missed = now !== null && now < hello.slo;
    success.show(share(now), now === null ? 'no requests' : `${missed ? 'below the objective of' : 'objective'} ${percent(hello.slo)}`);
    success.tone(missed ? 'bad' : '');
    if (!totals) return;
    lost.show(count(lostOf(totals)), outcomes(totals) || `of ${count(totals.sent)} requests`);
    const left = totals.budget_left;
    const days = `${hello.budget_days} day${hello.budget_days === 1 ? '' : 's'}`;
    budget.show(budgetWord(left), `${percent(hello.slo)} over ${days}`);
    budget.tone(left !== null && left < 0 ? 'bad' : '');
  }

  #hears(history, { state: { is, since }, malformed }, now) {
    const words = {
      connecting: 'connecting',
      live: 'live',
      reconnecting: `reconnecting, ${Math.floor((now - since) / 1000)} s`,
      ended: 'the lab has ended',
    };
    const more = [
      history.dropped > 0 && `${plural(history.dropped, 'frame')} dropped`,
      malformed > 0 && `${plural(malformed, 'event')} unreadable`,
    ];
    this.#connection.dataset.is = is;
    say(this.#connection, [words[is], ...more].filter(Boolean).join(' · '));
  }
}

/** `preset kb, changed` of `kb (documented; KB 298398), with interval=1s`. */
function presetWord(preset) {
  const [name] = (preset ?? '').split(/[ ,(]/);
  return name && `preset ${name}${preset.includes(', with ') ? ', changed' : ''}`;
}

/** One figure: its name, its value, and a note of smaller weight. */
class Figure {
  constructor(name, label) {
    this.value = h('span', { class: 'value' }, '–');
    this.note = h('span', { class: 'note' });
    this.element = h('div', { class: `figure ${name}` }, h('dt', {}, label), h('dd', {}, this.value, this.note));
  }

  show(value, note) {
    say(this.value, value);
    if (this.note.title !== note) this.note.title = note;
    say(this.note, note);
  }

  tone(tone) {
    this.element.dataset.tone = tone;
  }
}

/** As somebody chose it: `99.9 %`. */
function percent(share) {
  return `${Number((share * 100).toFixed(6))} %`;
}

/** `97.3 %`; more than all of it may be spent: `−130 %`. */
function budgetWord(left) {
  return left !== null && left < 0 ? `−${count(Math.ceil(-left * 100))} %` : share(left);
}

/** `3.00 s`, `2.00 – 4.00 s, about 150 lost`; where theory has no figure, its reason. */
function expected(theory) {
  const { mean, range, lost } = bounds(theory);
  if (range === undefined) return ['–', theory?.reason ?? ''];
  const spread = range === 'always' ? range : `${range} s`;
  return [mean ?? '–', [spread, lost && `about ${lost} lost`].filter(Boolean).join(' · ')];
}

/** Both count the same requests; by outcome each one is told at once, the sum of all a moment later. */
function lostOf(totals) {
  const known = Object.values(totals.by_outcome ?? {}).reduce((sum, n) => sum + n, 0);
  return Math.max(totals.lost, known);
}

/** `reset 154 · eof 2`, the most frequent first. */
function outcomes(totals) {
  const all = Object.entries(totals.by_outcome ?? {}).filter(([, n]) => n > 0);
  all.sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  return all.map(([outcome, n]) => `${word(outcome)} ${count(n)}`).join(' · ');
}

function plural(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}
