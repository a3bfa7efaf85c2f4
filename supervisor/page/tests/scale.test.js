import assert from 'node:assert/strict';
import test from 'node:test';
import { countTicks, linear, logarithmic, nines, round125, timeTicks } from '../scale.js';

test('linear scales go there and back', () => {
  const scale = linear(1000, 3000, 50, 250);
  assert.equal(scale.at(1000), 50);
  assert.equal(scale.at(2500), 200);
  assert.equal(scale.invert(scale.at(1234)), 1234);
});

test('a range of nothing is not a division by zero', () => {
  for (const scale of [linear(5, 5, 0, 100), linear(NaN, 5, 0, 100)]) assert.equal(scale.at(7), 50);
  assert.equal(linear(5, 5, 0, 100).invert(30), 5);
  assert.equal(linear(0, 10, 40, 40).invert(40), 0);
  assert.equal(linear(0, 10, 40, 40).at(3), 40);
});

test('logarithmic scales have decades of the same height, and no place below the least', () => {
  const scale = logarithmic(0.1, 10_000, 500, 0);
  assert.ok(Math.abs(scale.at(1) - 400) < 1e-9 && Math.abs(scale.at(100) - 200) < 1e-9);
  assert.ok(Math.abs(scale.invert(300) - 10) < 1e-9);
  assert.ok(Number.isFinite(scale.at(0)));
});

test('nines', () => {
  const scale = nines(5, 100, 0);
  const heights = [0.9, 0.99, 0.999, 0.9999, 1].map((share) => Math.round(scale.at(share)));
  assert.deepEqual(heights, [100, 75, 50, 25, 0]);
  assert.equal(scale.at(0.3), 100, 'less than the least line is on it');
  assert.equal(scale.at(0), 100);
});

test('ticks are round, inside and few', () => {
  for (const [from, to] of [[0, 60_000], [12_345.6, 12_347.1], [0, 3_600_000], [59_990, 60_010], [1e6, 1e6 + 0.5]]) {
    for (const most of [1, 3, 8]) {
      const { step, ticks, digits } = timeTicks(from, to, most);
      assert.ok(ticks.length <= most + 1, `${ticks.length} of ${most}`);
      for (const tick of ticks) {
        assert.ok(tick >= from - 1e-6 && tick <= to + 1e-6);
        assert.ok(Math.abs(tick / step - Math.round(tick / step)) < 1e-9);
        if (step >= 1) assert.equal(Number((tick / 1000).toFixed(digits)), tick / 1000, 'the label says the whole value');
      }
    }
  }
});

test('no ticks where there is no time', () => {
  for (const [from, to, most] of [[5, 5, 4], [6, 5, 4], [NaN, 5, 4], [0, 5, 0]]) assert.deepEqual(timeTicks(from, to, most).ticks, []);
});

test('round numbers', () => {
  assert.deepEqual([0.3, 1, 1.1, 3, 7, 99, 100, 101].map(round125), [0.5, 1, 2, 5, 10, 100, 100, 200]);
  for (const nothing of [0, -3, NaN, Infinity]) assert.equal(round125(nothing), 1);
  assert.deepEqual(countTicks(45), [20, 40]);
  assert.deepEqual(countTicks(1), [1]);
  assert.deepEqual(countTicks(0), []);
});
