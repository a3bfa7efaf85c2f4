import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabClock } from '../labclock.js';

test('the quickest message says what time it is, and none of an hour ago makes it earlier', () => {
  const clock = new LabClock();
  assert.equal(clock.time(5), null);
  clock.hear(90_000, 1010); // 10 ms on its way
  clock.hear(3000, 1011); // what happened long ago
  assert.equal(clock.time(2010), 91_000);
  clock.hear(91_008, 2010); // 2 ms on its way
  clock.hear(91_500, 2900); // 400 ms
  assert.equal(clock.time(3000), 91_998);
});

test('clocks that do not run at the same speed part for two minutes at most', () => {
  const clock = new LabClock();
  let worst = 0;
  for (let at = 0; at < 86_400_000; at += 1000) {
    clock.hear(at * 0.9999, at);
    worst = Math.max(worst, clock.time(at) - at * 0.9999);
  }
  assert.ok(worst > 0 && worst <= 12, `${worst} ms ahead`);
});

test('another lab has another time', () => {
  const clock = new LabClock();
  clock.hear(90_000, 0);
  clock.begin();
  assert.equal(clock.time(0), null);
  clock.hear(10, 20);
  assert.equal(clock.time(20), 10);
});
