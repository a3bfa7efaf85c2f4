import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verbs } from '../actions.js';
import { Announcer } from '../announcer.js';
import { forRouter, forSettings } from '../commandline.js';
import { durationWord, meant, milliseconds } from '../duration.js';
import { bounds, lastMeasured, reasonsOf, retriesOf } from '../expectation.js';
import { matches, routerOf } from '../filter.js';

test('durations are read as the lab writes them', () => {
  const known = { '500ms': 500, '1s': 1000, '1m30s': 90_000, '2h': 7_200_000, '250us': 0.25, '1s 500ms': 1500, '1day': 86_400_000 };
  for (const [word, ms] of Object.entries(known)) assert.equal(milliseconds(word), ms, word);
  for (const word of ['interval', 'off', '5', '', '-1s', '1x', '1.5s', undefined, 'constructor']) assert.equal(milliseconds(word), null, word);
});

test('durations are written with one unit, and come back as they were', () => {
  const words = { 50: '50ms', 1500: '1500ms', 2000: '2s', 60_000: '1m', 90_000: '90s', 0.25: '250us' };
  for (const [ms, word] of Object.entries(words)) {
    assert.equal(durationWord(Number(ms)), word);
    assert.equal(milliseconds(word), Number(ms));
  }
});

test('a bare number is in the unit of what it replaces', () => {
  assert.equal(meant('3', '5s'), '3s');
  assert.equal(meant(' 250 ', '500ms'), '250ms');
  assert.equal(meant('250ms', '5s'), '250ms');
  assert.equal(meant('4', '3'), '4');
  assert.equal(meant('abc', '5s'), 'abc');
  assert.equal(meant('5', 'interval'), '5');
});

test('command lines survive a shell', () => {
  assert.equal(forRouter('resetlab --lab shell', 'kill', 'router-2'), 'resetlab --lab shell kill router-2');
  assert.equal(forSettings('resetlab', { interval: '500ms', fall: '3' }), 'resetlab set interval=500ms fall=3');
  assert.equal(forSettings('resetlab', { detector: 'passive+sentinel' }), 'resetlab set detector=passive+sentinel');
  assert.equal(forSettings('resetlab', { path: "/a b'c;$(x)" }), `resetlab set 'path=/a b'\\''c;$(x)'`);
});

test('a filter wants every word, in any order and case', () => {
  const line = { tone: 'bad', text: 'router-12 DEAD (killed by SIGKILL after 5.3 s)' };
  const wanted = { text: '', router: '', tone: '' };
  assert.ok(matches(line, wanted));
  assert.ok(matches(line, { ...wanted, text: 'sigkill dead' }));
  assert.ok(!matches(line, { ...wanted, text: 'dead hung' }));
  assert.ok(!matches(line, { ...wanted, router: 'router-1' }));
  assert.ok(matches(line, { ...wanted, router: 'router-12', tone: 'bad' }));
  assert.ok(!matches(line, { ...wanted, tone: 'good' }));
  assert.equal(routerOf('router-12 DEAD'), 'router-12');
  assert.equal(routerOf('stopping'), null);
});

test('what a router can be told depends on what it is', () => {
  assert.deepEqual(verbs('up'), ['kill', 'hang', 'crash', 'drain', 'restart']);
  assert.deepEqual(verbs('hung'), ['kill', 'resume', null, null, 'restart']);
  assert.deepEqual(verbs('erroring'), ['kill', 'hang', 'crash', 'drain', 'heal']);
  assert.deepEqual(verbs('dead'), [null, null, null, null, 'restart']);
  assert.deepEqual(verbs('starting'), [null, null, null, null, null]);
  assert.deepEqual(verbs(null), [null, null, null, null, null]);
});

test('theory without a figure has no words, and never a 0', () => {
  const of = (kill) => bounds({ kill }, 'kill');
  const theory = { t_detect_s: { min: 1, mean: 1.5, max: 2 }, lost_per_trial: 75 };
  assert.deepEqual(of(theory), { mean: '1.50 s', range: '1.00 – 2.00', lost: '75' });
  assert.equal(of({ ...theory, t_detect_s: { min: 1, mean: null, max: null } }).range, '≥ 1.00');
  assert.equal(of({ t_detect_s: { min: 0, mean: 0, max: 0 }, lost_per_trial: 0.5 }).lost, '0.5');
  assert.equal(of({ t_detect_s: { min: 9, mean: 10.5, max: 12 }, lost_per_trial: 75 }).range, '9.00 – 12.0');
  for (const none of [null, undefined, { t_detect_s: null, lost_per_trial: null, reason: 'nobody checks' }]) {
    assert.deepEqual(of(none), { mean: undefined, range: undefined, lost: undefined });
  }
});

test('with retries no more is lost than without, and what they may save is said', () => {
  const t_detect_s = { min: 1, mean: 1.5, max: 2 };
  const unknown = { t_detect_s, lost_per_trial: null, reason: null, lost_reason: 'what retries save depends' };
  const theory = { kill: unknown, hang: { ...unknown, lost_reason: 'another' }, lost_unretried: { kill: 75, hang: null } };
  assert.equal(bounds(theory, 'kill').lost, '≤ 75');
  assert.equal(bounds(theory, 'hang').lost, undefined);
  assert.equal(reasonsOf(theory), 'another');
  assert.match(retriesOf(theory, { 'retry-budget': '20%', rate: 200 }), /20% of the requests and 10 a second, 50\/s at this rate/);
  assert.match(retriesOf(theory, { 'retry-budget': 'off', rate: 200 }), /no retry-budget limits them$/);
  const known = { kill: { t_detect_s, lost_per_trial: 75 }, hang: { t_detect_s, lost_per_trial: 0 }, lost_unretried: null };
  assert.equal(retriesOf(known, { 'retry-budget': '20%', rate: 200 }), '');
  assert.equal(retriesOf(null, {}), '');
});

test('the last measured window is a closed one of a like fault', () => {
  const window = (id, fault, from, open = false) => [id, { id, fault, from, open }];
  const windows = new Map([window('a', 'kill', 1), window('b', 'crash', 5), window('c', 'kill', 9, true), window('d', 'hang', 7), window('e', 'drain', 8)]);
  assert.equal(lastMeasured(windows, 'kill').id, 'b');
  assert.equal(lastMeasured(windows, 'hang').id, 'd');
  assert.equal(lastMeasured(new Map(), 'kill'), undefined);
});

test('a window is announced when it opens and when it closes', () => {
  const announcer = new Announcer();
  const window = { id: 'w', router: 'router-2', fault: 'kill', open: true, t_detect_s: null, window: 3, in_flight: 0 };
  let seq = 0;
  const said = (...windows) => {
    announcer.hear({ seq: seq++, windows });
    return announcer.news();
  };
  assert.match(said(window), /router-2 is gone \(kill\)/);
  assert.equal(said({ ...window, window: 90 }), null);
  const closed = { ...window, open: false, t_detect_s: 3.171, window: 153, in_flight: 1 };
  assert.match(said(closed), /noticed after 3\.17 s, 154 requests lost/);
  assert.equal(said(closed), null);
  announcer.hear({ seq: seq++ });
  assert.equal(announcer.news(), null);
  assert.match(said({ ...window, id: 'v', began: 'taken_back' }), /router-2 is used again, and still gone \(kill\)/);
});

test('all that is new is announced, and nothing that a lab told before somebody listened', () => {
  const announcer = new Announcer();
  const window = (router, open) => ({ id: router, router, fault: 'kill', open, t_detect_s: open ? null : 2, window: 3, in_flight: 0 });
  announcer.begin(100);
  announcer.hear({ seq: 98, windows: [window('router-1', true), window('router-2', true)] });
  announcer.hear({ seq: 99, windows: [window('router-1', false)] });
  assert.equal(announcer.news(), null);
  announcer.hear({ seq: 100, windows: [window('router-2', false), window('router-3', true)] });
  announcer.hear({ seq: 101, windows: [window('router-4', true)] });
  const news = announcer.news();
  for (const words of ['router-2: the reset window is closed', 'router-3 is gone', 'router-4 is gone']) assert.ok(news.includes(words), news);
  assert.ok(!news.includes('router-1'), news);
});

test('windows that have been told of are not kept for ever', () => {
  const announcer = new Announcer();
  const window = (id) => ({ id, router: 'router-1', fault: 'kill', open: false, t_detect_s: 1, window: 0, in_flight: 0 });
  const said = (id) => {
    announcer.hear({ seq: id, windows: [window(id)] });
    return announcer.news();
  };
  for (let id = 0; id < 3000; id++) assert.notEqual(said(id), null);
  assert.equal(said(2999), null, 'each once');
  assert.notEqual(said(0), null, 'long forgotten');
});
