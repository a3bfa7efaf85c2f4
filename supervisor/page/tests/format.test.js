import assert from 'node:assert/strict';
import test from 'node:test';
import { byName, count, duration, rate, seconds, share, word } from '../format.js';

test('numbers as the terminal prints them', () => {
  assert.equal(count(1250), '1,250');
  assert.equal(count(1234567), '1,234,567');
  assert.equal(count(0), '0');
  assert.equal(seconds(3171), '3.171 s');
  assert.equal(seconds(1_234_567.8), '1,234.568 s');
  assert.equal(seconds(5000, 0), '5 s');
  assert.deepEqual([250, 0.42, 1500, 120_000, 3_600_000, 7_200_000].map(duration), ['250 ms', '0.42 ms', '1.5 s', '2 min', '60 min', '2 h']);
  assert.equal(rate(1200), '1,200/s');
  assert.equal(rate(0.5), '0.5/s');
});

test('a share never says 100 % of what is not whole', () => {
  assert.equal(share(1), '100 %');
  assert.equal(share(0.99996), '99.996 %');
  assert.equal(share(0.9993), '99.93 %');
  assert.equal(share(0.99), '99.00 %');
  assert.equal(share(0.29), '29.0 %');
  assert.equal(share(0), '0 %');
  for (let lost = 1; lost < 1e6; lost *= 3) assert.doesNotMatch(share(1 - lost / 1e6), /^100/);
});

test('what was not observed is not 0', () => {
  for (const print of [count, seconds, duration, share, rate]) for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(print(nothing), '–');
});

test('names are in the order of their numbers', () => {
  assert.deepEqual(['router-10', 'router-9', 'a', 'router-1'].sort(byName), ['a', 'router-1', 'router-9', 'router-10']);
});

test('words', () => {
  assert.equal(word('going_down'), 'going down');
  assert.equal(word('http_502'), '502');
});
