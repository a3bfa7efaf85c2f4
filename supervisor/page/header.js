// The lab at a glance: which one it is, how its clients fare, what theory expects, whether the page still hears it.

import { h, say } from './dom.js';
import { bounds } from './expectation.js';
import { count, fixed, percent, rest, share, word } from './format.js';

const MINUTE_MS = 60_000;
const BANDS = 'above, what a router is; below, what the balancer believes';

/** The elements are those of the page: all but `figures`, a list of definitions, are paragraphs. */
export class Header {
  #where;
  #connection;
  #late;
  #hint;
  #figures = {
    success: new Figure('success', 'succeeded, last minute'),
    lost: new Figure('lost', 'lost since the start'),
    budget: new Figure('budget', 'error budget left'),
    kill: new Figure('kill', 'killed: Down expected after'),
    hang: new Figure('hang', 'hung: Down expected after'),
  };

  constructor({ where, figures, connection, late, hint }) {
    this.#where = where;
    this.#connection = connection;
    this.#late = late;
    this.#hint = hint;
    figures.append(...Object.values(this.#figures).map((figure) => figure.element));
  }

  /** `stream`: `{ state, malformed }`; `now` is the clock of its `since`. */
  update(history, stream, now) {
    this.#hears(history, stream, now);
    const { hello } = history;
    if (!hello) return;
    const words = [`lab ${hello.lab}`, hello.engine, presetWord(history.preset)];
    sayParts(this.#where, words.filter(Boolean));
    this.#where.title = history.preset ? `preset ${history.preset}` : '';
    say(document.querySelector('title'), `${hello.lab} · resetlab`);
    this.#requests(history);
    this.#doubt(history.totals?.late_p99_ms);
    say(this.#hint, hello.engine.startsWith('lb-sim') ? BANDS : `${BANDS}; checks as routers heard them: a dead one hears none`);
    this.#hint.title = this.#hint.textContent;
    for (const [fault, done] of [['kill', 'killed'], ['hang', 'hung']]) {
      const [value, note] = expected(history.theory, fault);
      this.#figures[fault].show(value, note);
      this.#figures[fault].name(`${done}: Down expected${value === 'at once' ? '' : ' after'}`);
    }
  }

  #requests(history) {
    const { success, lost, budget } = this.#figures;
    const { hello, totals } = history;
    const now = history.success(history.now - MINUTE_MS, history.now);
    const missed = now !== null && now < hello.slo;
    success.show(share(now), now === null ? 'no requests' : `${missed ? 'below the objective of' : 'objective'} ${percent(hello.slo)}`);
    success.tone(missed ? 'bad' : '');
    if (!totals) return;
    lost.show(count(lostOf(history)), outcomes(totals) || `of ${count(totals.sent)} requests`);
    const left = totals.budget_left;
    const days = `${hello.budget_days} day${hello.budget_days === 1 ? '' : 's'}`;
    budget.show(left === null ? '–' : rest(1 - left), `${percent(hello.slo)} over ${days}`);
    budget.tone(left !== null && left < 0 ? 'bad' : '');
  }

  /** What was late is told by the lab only where it says that its figures deserve doubt. */
  #doubt(late) {
    this.#late.hidden = late == null;
    if (late == null) return;
    say(this.#late, `load up to ${fixed(late, 1)} ms late`);
    this.#late.title = `The load client was late (p99 up to ${fixed(late, 1)} ms in a tick): the machine was too busy to trust the figures`;
  }

  #hears(history, { state: { is, since }, malformed }, now) {
    const words = {
      connecting: 'connecting',
      live: 'connected',
      silent: `nothing heard for ${Math.floor((now - since) / 1000)} s`,
      reconnecting: `reconnecting, ${Math.floor((now - since) / 1000)} s`,
      ended: 'the lab has ended',
    };
    const more = [
      history.dropped > 0 && `${plural(history.dropped, 'frame')} dropped`,
      recordsLost(history) > 0 && `${plural(recordsLost(history), 'record')} lost`,
      malformed > 0 && `${plural(malformed, 'event')} unreadable`,
    ];
    this.#connection.dataset.is = is;
    say(this.#connection, [words[is], ...more].filter(Boolean).join(' · '));
  }
}

/** `lab default · lb-sim`: a line ends between two parts, not within one. */
function sayParts(place, parts) {
  if (place.textContent === parts.join(' · ')) return;
  const spans = parts.map((part, index) => h('span', {}, index < parts.length - 1 ? `${part} ·` : part));
  place.replaceChildren(...spans.flatMap((span) => [span, ' ']).slice(0, -1));
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
    this.label = h('dt', {}, label);
    this.element = h('div', { class: `figure ${name}` }, this.label, h('dd', {}, this.value, this.note));
  }

  show(value, note) {
    say(this.value, value);
    if (this.note.title !== note) this.note.title = note;
    say(this.note, note);
  }

  name(label) {
    say(this.label, label);
  }

  tone(tone) {
    this.element.dataset.tone = tone;
  }
}

/** `3.00 s`, `2.00 – 4.00 s, about 150 lost`; where theory has no figure, its reason. */
function expected(theory, fault) {
  const { mean, range, lost } = bounds(theory, fault);
  if (range === undefined) return ['–', theory?.[fault]?.reason ?? ''];
  const spread = range === '' || range === 'exactly' ? range : `${range} s`;
  return [mean ?? '–', [spread, lost && lost.startsWith('≤') ? `${lost} lost on average` : `about ${lost} lost`].filter(Boolean).join(' · ')];
}

/**
 * Both count the same requests; by outcome each one is told at once, as the charts have it, and the sum of all a moment
 * later. Where records were dropped, only the sum knows.
 */
function lostOf({ totals }) {
  const known = Object.values(totals.by_outcome ?? {}).reduce((sum, n) => sum + n, 0);
  return recordsLost({ totals }) > 0 ? Math.max(totals.lost, known) : known;
}

/** Records that did not reach the lab's supervisor, since the lab began. */
const recordsLost = ({ totals }) => totals?.records_dropped ?? 0;

/** `reset 154 · eof 2`, the most frequent first. */
function outcomes(totals) {
  const all = Object.entries(totals.by_outcome ?? {}).filter(([, n]) => n > 0);
  all.sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  return all.map(([outcome, n]) => `${word(outcome)} ${count(n)}`).join(' · ');
}

function plural(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}
