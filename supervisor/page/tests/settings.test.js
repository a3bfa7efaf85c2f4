import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bounds, checksHeard, measuredUnder, whoseWindow } from '../expectation.js';
import { count, fixed, percent, rest, seconds, share } from '../format.js';
import { History } from '../history.js';

const SETTINGS = { interval: '2s', fall: 2 };

function history() {
  const made = new History();
  made.begin({ epoch: 'e', first_seq: 0, slo: 0.999, base: { t: 0, routers: {}, settings: SETTINGS } });
  return made;
}

test('what was measured under other settings names them, and only those that differ', () => {
  const lab = history();
  const window = { from: 1000, t_detect_s: 3 };
  const same = { at: [], changed: [] };
  assert.deepEqual(measuredUnder(window, lab), same);
  lab.apply({ seq: 0, t: 5000, settings: { interval: '1s', fall: 2 } });
  assert.deepEqual(measuredUnder(window, lab), { at: ['interval=2s'], changed: [] });
  lab.apply({ seq: 1, t: 9000, settings: { interval: '2s', fall: 2 } });
  assert.deepEqual(measuredUnder(window, lab), same, 'they are in force again');
  assert.deepEqual(measuredUnder({ from: 4000, t_detect_s: 3 }, lab), { at: [], changed: ['interval'] });
  assert.deepEqual(measuredUnder({ from: -1, t_detect_s: 3 }, lab), same, 'nothing is known of then');
});

test('a window is of its own fault, and of another one only by name', () => {
  assert.equal(whoseWindow({ fault: 'kill', router: 'router-3' }, 'kill'), 'router-3');
  assert.equal(whoseWindow({ fault: 'crash', router: 'router-3' }, 'kill'), 'crash, router-3');
  assert.equal(whoseWindow({ fault: 'silent', router: 'router-1' }, 'hang'), 'silent, router-1');
});

test('checks a second are those heard since anything changed, and none of a short time', () => {
  const lab = history();
  const checks = (from, to) => Array.from({ length: (to - from) / 500 }, (_, i) => ['router-1', from + i * 500, from + i * 500 + 1, 'ok']);
  lab.apply({ seq: 0, t: 4000, checks: checks(0, 4000) });
  assert.equal(checksHeard(lab), undefined);
  lab.apply({ seq: 1, t: 10_000, checks: checks(4000, 10_000) });
  assert.deepEqual(checksHeard(lab), { perSecond: 2, ms: 10_000 });
  lab.apply({ seq: 2, t: 10_100, settings: { interval: '1s', fall: 2 } });
  assert.equal(checksHeard(lab), undefined);
  lab.apply({ seq: 3, t: 20_100 });
  assert.deepEqual(checksHeard(lab), { perSecond: 0, ms: 10_000 });
});

test('no time is at once, and one time is exact', () => {
  const of = (hang) => bounds({ hang }, 'hang');
  assert.deepEqual(of({ t_detect_s: { min: 0, mean: 0, max: 0 }, lost_per_trial: 0 }), { mean: 'at once', range: '', lost: '0' });
  assert.equal(of({ t_detect_s: { min: 2, mean: 2, max: 2 }, lost_per_trial: 62.5 }).range, 'exactly');
  assert.equal(of({ t_detect_s: { min: 2, mean: 2, max: 2 }, lost_per_trial: 62.5 }).lost, '62');
});

test('halves go to the even digit, as the terminal has them', () => {
  assert.deepEqual([0.5, 1.5, 62.5, 63.5, 1250.5].map(count), ['0', '2', '62', '64', '1,250']);
  assert.equal(fixed(0.125, 2), '0.12');
  assert.equal(fixed(0.375, 2), '0.38');
  assert.equal(fixed(2.675, 2), '2.67', 'it is a little less than it looks');
  assert.equal(fixed(-2.5, 0), '-2');
  assert.equal(seconds(2125, 2), '2.12 s');
});

test('what is left of a budget is what the report has not spent, and not all of it once something is', () => {
  assert.equal(rest(0.00193), '99.81 %');
  assert.equal(rest(0), '100 %');
  assert.equal(rest(0.00000193), '99.9998 %');
  assert.equal(rest(1e-12), 'nearly 100 %');
  assert.equal(rest(2.3), '−130.00 %');
  assert.equal(rest(NaN), '–');
  for (let lost = 1; lost < 1e6; lost *= 3) assert.doesNotMatch(rest(lost / 518_400), /^100/);
  assert.equal(percent(0.999), '99.9 %');
  assert.equal(share(0.999), '99.90 %');
});
