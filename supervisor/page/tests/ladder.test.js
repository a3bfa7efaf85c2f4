import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../duration.js';
import { counts, times } from '../ladder.js';
import { Newest } from '../newest.js';

test('steps of times rise, and the value in force is among them', () => {
  for (const inForce of ['5s', '1234ms', '2m', 'off', undefined]) {
    const { words } = times(inForce);
    const sizes = words.map(milliseconds);
    assert.deepEqual(sizes, [...sizes].sort((a, b) => a - b));
    assert.equal(new Set(words).size, words.length);
    if (milliseconds(inForce)) assert.ok(sizes.includes(milliseconds(inForce)), inForce);
  }
  // No step is more than twice the one before: a hand finds what it looks for.
  const sizes = times('5s').words.map(milliseconds);
  for (let i = 1; i < sizes.length; i++) assert.ok(sizes[i] / sizes[i - 1] <= 2, `${sizes[i]}`);
});

test('a position and its word are each other’s', () => {
  for (const ladder of [times('700ms'), counts(3)]) {
    ladder.words.forEach((word, index) => assert.equal(ladder.index(word), index));
  }
  assert.equal(times('5s').word('3'), '300ms');
  assert.equal(times('5s').word(99), '1m');
  assert.equal(times('5s').index('1s500ms'), times('5s').index('1500ms'));
  assert.equal(times('5s').index('off'), 0);
  assert.equal(counts(14).last, 13);
});

test('only the last question is told, and one is asked at a time', async () => {
  const asked = [];
  const told = [];
  const newest = new Newest(
    (question) => new Promise((resolve, reject) => asked.push({ question, resolve, reject })),
    (answer) => told.push(answer),
  );
  const done = newest.want(1);
  newest.want(2);
  newest.want(3);
  assert.deepEqual(asked.map(({ question }) => question), [1]);
  asked[0].resolve('one');
  await turn();
  assert.deepEqual(asked.map(({ question }) => question), [1, 3]);
  assert.deepEqual(told, []);
  asked[1].reject(new Error('three'));
  await done;
  assert.deepEqual(told.map(({ error }) => error.message), ['three']);
});

test('an answer that is no longer wanted is not told', async () => {
  const told = [];
  let answer;
  const newest = new Newest(() => new Promise((resolve) => (answer = resolve)), (result) => told.push(result));
  const done = newest.want('x');
  newest.forget();
  answer('late');
  await done;
  assert.deepEqual(told, []);
});

function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}
