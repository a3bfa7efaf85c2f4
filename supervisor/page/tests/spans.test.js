import assert from 'node:assert/strict';
import test from 'node:test';
import { History } from '../history.js';
import { changeAt, eachSpan, gaps, lostIn, trouble, windowOf } from '../spans.js';
import { standing, summarizeLanes, summarizeOutcomes } from '../summary.js';
import { View } from '../view.js';
import { lab } from './lab.js';

const lane = (truth, belief) => ({
  truth: truth.map(([at, truth]) => ({ at, truth })),
  belief: belief.map(([at, belief]) => ({ at, belief })),
  turns: 0,
});
const kinds = (lane) => gaps(lane).map(({ kind, from, to }) => [kind, from, to]);

test('a reset window lasts from the death to the belief, also while the router starts', () => {
  const dead = [[0, 'up'], [100, 'dead']];
  assert.deepEqual(kinds(lane(dead, [[0, 'up'], [150, 'going_down'], [300, 'down']])), [['window', 100, 300]]);
  assert.deepEqual(kinds(lane(dead, [[0, 'up']])), [['window', 100, null]]);
  assert.deepEqual(kinds(lane([...dead, [200, 'starting'], [250, 'up']], [[0, 'up']])), [['window', 100, 250]]);
  assert.deepEqual(kinds(lane([[0, 'starting'], [50, 'up']], [[0, 'up']])), [], 'a beginning is no window');
  assert.deepEqual(kinds(lane([[0, 'up'], [100, 'draining'], [200, 'dead']], [[0, 'up'], [150, 'down']])), []);
});

test('out while up is a mistake, up again and not yet in is none', () => {
  assert.deepEqual(kinds(lane([[0, 'up']], [[0, 'up'], [10, 'down'], [20, 'going_up'], [30, 'up']])), [['mistake', 10, 30]]);
  assert.deepEqual(kinds(lane([[0, 'dead'], [50, 'up']], [[0, 'down'], [60, 'going_up'], [90, 'up']])), [['lag', 50, 90]]);
  assert.deepEqual(kinds(lane([[0, 'up']], [[0, 'up'], [10, 'ejected']])), [['mistake', 10, null]]);
});

test('the trouble around a gap begins when all was well last and ends when all is well again', () => {
  const truth = [[0, 'up'], [100, 'dead'], [400, 'starting'], [450, 'up'], [900, 'hung'], [950, 'up']];
  const belief = [[0, 'up'], [150, 'going_down'], [300, 'down'], [500, 'going_up'], [600, 'up'], [700, 'going_down'], [800, 'down'], [850, 'up']];
  const one = lane(truth, belief);
  const around = gaps(one).map((gap) => [gap.kind, trouble(gap, 1000)]);
  assert.deepEqual(around, [
    ['window', { from: 100, to: 600 }],
    ['lag', { from: 100, to: 600 }],
    ['mistake', { from: 700, to: 850 }],
    ['window', { from: 900, to: 950 }],
  ]);
  const open = lane([[0, 'up'], [100, 'dead']], [[0, 'up'], [150, 'going_down']]);
  assert.deepEqual(trouble(gaps(open)[0], 170), { from: 100, to: 170 }, 'what goes on lasts until now');
});

test('of a belief that nobody tells, nothing differs', () => {
  assert.deepEqual(kinds(lane([[0, 'up'], [100, 'dead']], [[0, 'unknown']])), []);
  assert.deepEqual(kinds(lane([[0, 'up'], [100, 'dead']], [])), []);
});

test('a router that the fleet has let go is in no gap, however long ago that was', () => {
  const truth = [[0, 'up'], [110, 'draining'], [120, 'absent']];
  assert.deepEqual(kinds(lane(truth, [[0, 'up'], [100, 'absent']])), []);
  const there = { ...lane(truth, [[0, 'up'], [100, 'absent']]), name: 'router-2' };
  assert.deepEqual(standing(there, 999), { words: 'not there', gap: null });
});

test('a router that goes before it is used again was not believed up', () => {
  const [lag, window] = gaps(lane([[0, 'dead'], [50, 'up'], [70, 'erroring']], [[0, 'down'], [90, 'up'], [95, 'down']]));
  assert.deepEqual([lag.kind, lag.from, lag.to, lag.ended], ['lag', 50, 70, 'truth']);
  assert.deepEqual([window.kind, window.from, window.to, window.ended], ['window', 90, 95, 'belief']);
});

test('gaps are found again only when something has turned', () => {
  const one = lane([[0, 'up'], [100, 'dead']], [[0, 'up']]);
  const before = gaps(one);
  assert.equal(gaps(one), before);
  one.belief.push({ at: 200, belief: 'down' });
  one.turns++;
  assert.deepEqual(kinds(one), [['window', 100, 200]]);
});

test('what held at a time', () => {
  const changes = [10, 20, 20, 30].map((at, i) => ({ at, i }));
  assert.deepEqual([5, 10, 15, 20, 99].map((time) => changeAt(changes, time)?.i ?? null), [null, 0, 0, 2, 3]);
  const seen = [];
  eachSpan(changes, 12, 40, ({ i }, start, end) => seen.push([i, start, end]));
  assert.deepEqual(seen, [[0, 12, 20], [2, 20, 30], [3, 30, 40]]);
});

test('in a lab, windows measured and gaps seen are the same', () => {
  const [hello, ...frames] = lab({ routers: 4, seconds: 120, seed: 2 });
  const history = new History();
  history.begin(hello);
  for (const frame of frames) history.apply(frame);
  assert.ok(history.windows.size >= 4);
  for (const window of history.windows.values()) {
    const gap = gaps(history.lane(window.router)).find((gap) => windowOf([window], gap, history.now));
    assert.equal(gap?.kind, 'window');
    if (window.t_detect_s !== null) assert.ok(Math.abs((gap.to - gap.from) / 1000 - window.t_detect_s) < 0.002);
    assert.ok(lostIn(window) > 0);
  }
  const mistakes = new Set(frames.flatMap(({ mistakes = [] }) => mistakes.map(({ id }) => id)));
  assert.equal(mistakes.size, history.names().flatMap((name) => gaps(history.lane(name))).filter(({ kind }) => kind === 'mistake').length);
});

test('a window is found by the gap that it is', () => {
  const gap = { from: 10_000, to: 13_000 };
  const window = (from, took, open = false) => ({ from, t_detect_s: took, open });
  const found = (one, of = gap) => windowOf([one], of, 20_000) !== null;
  assert.ok(found(window(10_000, 3)) && found(window(9_998, 3)) && found(window(10_000, null)));
  assert.ok(found(window(8_000, 5)), 'it drained first');
  assert.ok(found(window(8_000, null, true), { from: 10_000, to: null }));
  assert.ok(!found(window(5_000, 3)) && !found(window(7_000, 3)) && !found(window(14_000, 3)) && !found(window(5_000, null)));
  assert.equal(windowOf(undefined, gap, 20_000), null);
});

test('charts in words', () => {
  const [hello, ...frames] = lab({ routers: 3, seconds: 5, seed: 2 });
  const history = new History();
  history.begin(hello);
  for (const frame of frames) history.apply(frame);
  const view = new View(history);
  const [window] = history.windows.values();
  assert.ok(window.open);
  const words = summarizeLanes(history, view);
  assert.match(words, new RegExp(`${window.router}: dead for \\d\\.\\d s, believed (up|going down); ${lostIn(window)} lost\\. 2 others are up and believed up\\.`));
  assert.match(summarizeOutcomes(history, view), /requests ok \(\d\d\.\d\d? %\), lost: \d+ reset/);
  assert.match(standing(history.lane(window.router), history.now).words, /^dead \/ (up|going down)$/);
  assert.equal(standing(history.lane(window.router), 1000).words, 'up');
  assert.equal(summarizeLanes(new History(), new View(new History())), 'Truth over belief.');
});
