// Names of routers beside their lanes, what each is at the crosshair (or now), and what can be done to it.

import { h, mark, say } from './dom.js';
import { seconds } from './format.js';
import { style } from './stage.js';
import { standing } from './summary.js';

const HINT = 'Point at a lane, or press ↑ or ↓, to act on its router';
const TOUCH_HINT = 'Tap a lane to act on its router';
const OTHERS_HINT = 'tap a lane for another one';
/** Lower lanes have no air between a name and its buttons. */
const ROOMY = 42;

export class Heads {
  #heads = new Map();
  #shape = '';

  constructor(host, view, laneActions) {
    this.#view = view;
    this.#actions = laneActions;
    this.#place = h('div', { class: 'lane-heads' });
    this.#bar = h('div', { class: 'lane-bar' });
    this.#barName = h('b');
    this.#barIs = h('span', { class: 'lane-is' });
    this.#barActions = h('span');
    this.#barHint = h('span', { class: 'lane-is' });
    this.#bar.append(this.#barName, this.#barIs, this.#barHint, this.#barActions);
    // What is done in the bar is not done to the chart below it.
    for (const type of ['pointerdown', 'dblclick']) this.#bar.addEventListener(type, (event) => event.stopPropagation());
    this.#marks = ['selected', 'hovered'].map((kind) => h('div', { class: `lane-mark ${kind}` }));
    host.append(...this.#marks, this.#place, this.#bar);
  }

  #view;
  #actions;
  #place;
  #bar;
  #marks;
  #barName;
  #barIs;
  #barHint;
  #barActions;

  /**
   * `rows` as the lanes have them; `inBar`: actions have no place beside the lanes; `time`: of the crosshair, `null` for
   * now. Buttons act now, so that what was is not to be taken for what is.
   */
  show(history, rows, { width, inBar, touch, narrow, time, hovered }) {
    this.#arrange(rows, width, inBar);
    const tell = (name, is, whole, brief = false) => {
      const { words, gap } = standing(history.routers.get(name), time ?? history.now);
      say(is, time === null || brief ? words : `at ${seconds(time, 1)}: ${words}`);
      mark(whole, 'data-gap', gap !== null && time === null);
      mark(whole, 'data-then', time !== null);
    };
    for (const [name, head] of this.#heads) {
      // Where there is no room for when that was, the bar says it.
      tell(name, head.is, head.element, narrow);
      head.element.toggleAttribute('data-selected', this.#view.selected === name);
    }
    this.#bar.hidden = !inBar;
    // On a phone the bar has two rows: they are the first router's until another one is chosen.
    if (inBar) this.#showBar(rows, hovered, narrow ? rows.names[0] : null, tell, touch ? TOUCH_HINT : HINT);
    const faint = hovered ?? (inBar && narrow ? this.#barFor : null);
    [this.#view.selected, faint].forEach((name, which) => this.#mark(this.#marks[which], rows, name));
  }

  #mark(mark, rows, name) {
    const index = rows.names.indexOf(name);
    mark.hidden = index < 0;
    if (index < 0) return;
    style(mark, 'transform', `translateY(${rows.y(index)}px)`);
    style(mark, 'height', `${rows.pitch}px`);
  }

  #arrange(rows, width, inBar) {
    style(this.#place, 'width', `${width}px`);
    const shape = `${rows.names} ${rows.pitch} ${rows.top} ${inBar}`;
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#heads.clear();
    this.#place.replaceChildren();
    this.#place.classList.toggle('low', rows.pitch < ROOMY);
    if (!rows.tall) return;
    rows.names.forEach((name, index) => {
      const head = h('div', { class: 'lane-head' });
      const who = h('div', { class: 'who' });
      const is = h('span', { class: 'lane-is' });
      const label = h('b');
      say(label, name);
      who.append(label, is);
      head.append(who);
      Object.assign(head.style, { top: `${rows.y(index)}px`, height: `${rows.pitch}px` });
      who.addEventListener('click', () => this.#view.select(this.#view.selected === name ? null : name));
      if (!inBar) {
        const actions = this.#actions(name);
        if (actions) head.append(actions);
      }
      this.#heads.set(name, { element: head, is });
      this.#place.append(head);
    });
    this.#barFor = undefined;
  }

  #barFor;

  #showBar(rows, hovered, first, tell, hint) {
    // Whoever has a button under the finger or the focus on it keeps it.
    const held = this.#bar.contains(document.activeElement) ? this.#barFor : null;
    const chosen = [this.#view.selected, held, hovered].find((candidate) => rows.names.includes(candidate));
    const name = chosen ?? first ?? null;
    if (name !== this.#barFor) {
      this.#barFor = name;
      const actions = name && this.#actions(name);
      this.#barActions.replaceChildren(...(actions ? [actions] : []));
      say(this.#barName, name ?? '');
      this.#barName.hidden = name === null;
    }
    if (name) {
      tell(name, this.#barIs, this.#bar);
      say(this.#barHint, chosen || rows.count === 1 ? '' : OTHERS_HINT);
      return;
    }
    say(this.#barIs, hint);
    say(this.#barHint, '');
    for (const attribute of ['data-gap', 'data-then']) mark(this.#bar, attribute, false);
  }
}
