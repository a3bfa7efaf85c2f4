// How to read the lanes: samples drawn by what draws the lanes themselves.

import { scene as makeScene } from './axis.js';
import { h } from './dom.js';
import { History } from './history.js';
import { drawLanes } from './lanes.js';
import { lanes as layLanes } from './layout.js';
import { Stage } from './stage.js';
import { Theme } from './theme.js';

const SPAN_MS = 10_000;
const ROUTER = 'router-1';
const UP = { truth: 'up', truth_since: 0, belief: 'up', belief_since: 0, member: true };

const turn = (what, at, is) => ({ [what]: [{ router: ROUTER, at, [what]: is, by: 'poll', why: '' }] });
const check = (at, result, took = 5) => [ROUTER, at - took, at, result];
const passed = [1000, 3000, 5000, 7000, 9000].map((at) => check(at, 'ok'));
const window = (more) => ({ id: 'w', router: ROUTER, fault: 'kill', from: 3000, open: false, t_detect_s: 4, predicted_t_detect_s: null, in_flight: 0, window: 42, ...more });
const DEAD = { truth: turn('truth', 3000, 'dead').truth, belief: turn('belief', 7000, 'down').belief };

/** What is to be seen, what it means, and the frame of which it is drawn. */
const SAMPLES = [
  ['Red hatch on belief: a reset window. The router is dead or hung, and the balancer uses it still. Above it, how long that lasted and how many requests it cost.',
    { ...DEAD, windows: [window()] }],
  ['Red bars between the two: attempts at that router that failed, the taller the more.',
    { ...DEAD, windows: [window()], attempts: Array.from({ length: 40 }, (_, i) => [ROUTER, 30 + i, (i * 7) % 17]) }],
  ['Blue triangle: when the balancer should notice, by theory, for the phase its checks were in.',
    { ...DEAD, windows: [window({ predicted_t_detect_s: 3.7 })] }],
  ['Yellow, slanted, on belief: some checks failed (going down) or passed (going up), but not enough in a row.',
    { belief: [['going_down', 2000], ['down', 5000], ['going_up', 7500]].flatMap(([is, at]) => turn('belief', at, is).belief), truth: turn('truth', 1000, 'dead').truth.concat(turn('truth', 6500, 'up').truth) }],
  ['Yellow, upright, between the two: the router is up and not used. It came back and is not believed yet, or, with a line above, it was left by mistake.',
    { belief: turn('belief', 3000, 'ejected').belief.concat(turn('belief', 7500, 'up').belief) }],
  ['Ticks below: health checks. Short: passed. Long with a cross: failed. With a bar: timed out, from its start to its end.',
    { checks: [check(1000, 'ok'), check(2500, 'ok'), check(4000, 'refused'), check(5500, 'refused'), check(8500, 'timeout', 1500)] }],
  ['Dots: nothing was heard of that time; on belief alone: this balancer does not tell what it believes.',
    { belief: turn('belief', 0, 'unknown').belief, checks: passed }],
];
/** It has no checks of its own to tell. */
const REAL = 'The checks of a real balancer are drawn where a router heard them: one that is dead hears none, so that none is seen to fail.';

export class Legend {
  #theme = new Theme();
  #samples = SAMPLES.map(([words, frame]) => ({ words, history: historyOf(frame), host: h('div', { class: 'sample', 'aria-hidden': 'true' }) }));
  element = h('div', { class: 'legend' },
    h('p', {}, 'Each lane has two bands: above, what the router is; below, what the balancer believes of it. Where they differ, requests are lost or a router stands idle.'),
    this.#samples.map(({ words, host }) => [host, h('p', {}, words)]),
    h('p', { class: 'whole' }, REAL));

  constructor() {
    for (const sample of this.#samples) sample.stage = new Stage(sample.host);
  }

  /** When it can be seen: colours and sizes are those of now. */
  draw() {
    this.#theme.read(this.element, devicePixelRatio || 1);
    for (const { history, stage } of this.#samples) {
      stage.measure();
      const scene = makeScene(history, { from: 0, to: SPAN_MS }, this.#theme, { left: 0, right: 0 }, stage.width);
      drawLanes(stage.clear(), { ...scene, ticks: { ticks: [], digits: 0 } }, { names: [ROUTER], ...layLanes(1, 0, stage.height) });
    }
  }
}

function historyOf(frame) {
  const history = new History();
  history.begin({ epoch: '', first_seq: 0, slo: null, base: { t: 0, routers: { [ROUTER]: UP } } });
  history.apply({ seq: 0, t: SPAN_MS, checks: passed, ...frame });
  return history;
}
