import assert from 'node:assert/strict';
import test from 'node:test';
import { Buckets } from '../buckets.js';
import { columnRange, columnWidth, columns, rolling } from '../sample.js';
import { Dice } from './lab.js';

const sum = (values) => values.reduce((all, value) => all + value, 0);

function random(seed, length = 5000, options = {}) {
  const dice = new Dice(seed);
  const buckets = new Buckets(3, options);
  const plain = [];
  for (let i = 0; i < 3000; i++) {
    const [bucket, kind, count] = [Math.floor(dice.next() * length), Math.floor(dice.next() * 3), 1 + Math.floor(dice.next() * 9)];
    buckets.add(bucket, kind, count);
    plain.push([bucket, kind, count]);
  }
  return { buckets, plain, length };
}

test('whatever the width, every request is in one column', () => {
  const { buckets, plain, length } = random(4);
  for (const width of [100, 200, 500, 1000, 5000, 100_000]) {
    const { sums, kinds, count } = columns(buckets, 0, length * 100, width);
    for (let kind = 0; kind < kinds; kind++) {
      const got = sum(Array.from({ length: count }, (_, column) => sums[column * kinds + kind]));
      assert.equal(got, sum(plain.filter((entry) => entry[1] === kind).map((entry) => entry[2])), `kind ${kind} at ${width} ms`);
    }
  }
});

test('columns are those of brute force, wherever the view begins', () => {
  const { buckets, plain } = random(5);
  for (const [from, to, width] of [[12_345, 99_999, 500], [0, 100, 100], [59_950, 120_050, 200], [400_000, 600_000, 2000]]) {
    const { first, count, kinds, sums } = columns(buckets, from, to, width);
    assert.ok(first * width <= from && (first + count) * width >= to);
    for (let column = 0; column < count; column++) {
      const inside = plain.filter(([bucket]) => Math.floor((bucket * 100) / width) === first + column);
      for (let kind = 0; kind < kinds; kind++) {
        assert.equal(sums[column * kinds + kind], sum(inside.filter((entry) => entry[1] === kind).map((entry) => entry[2])));
      }
    }
  }
});

test('a single lost request of an hour is in its column', () => {
  const buckets = new Buckets(2);
  for (let bucket = 0; bucket < 36_000; bucket++) buckets.add(bucket, 0, 50);
  buckets.add(17_321, 1, 1);
  const { sums, kinds } = columns(buckets, 0, 3_600_000, 5000);
  assert.equal(sum([...sums].filter((_, at) => at % kinds === 1)), 1);
});

test('columns do not move with the view', () => {
  for (let from = 0; from < 1000; from += 37) assert.equal(columnRange(from, from + 60_000, 200).first, Math.floor(from / 200));
});

test('columns can be seen, and are no narrower than what is counted', () => {
  assert.equal(columnWidth(60_000, 1200), 100);
  assert.ok((columnWidth(3_600_000, 600) / 3_600_000) * 600 >= 1.75);
  for (const [span, pixels] of [[0, 100], [100, 0], [NaN, NaN]]) assert.equal(columnWidth(span, pixels), 100);
});

test('success over a rolling minute is that of brute force', () => {
  const { buckets, plain } = random(6, 3000);
  const [from, to, width, window] = [150_000, 290_000, 500, 60_000];
  const shares = rolling(buckets, from, to, width, window, 250_000);
  const first = Math.floor(from / width);
  let compared = 0;
  shares.forEach((share, column) => {
    const end = (first + column + 1) * width;
    if (end - width >= 250_000) return assert.ok(Number.isNaN(share), 'nothing is said of what is to come');
    const inside = plain.filter(([bucket]) => bucket * 100 >= end - window && bucket * 100 < end);
    const good = sum(inside.filter(([, kind]) => kind === 0).map((entry) => entry[2]));
    assert.ok(Math.abs(share - good / sum(inside.map((entry) => entry[2]))) < 1e-12);
    compared++;
  });
  assert.ok(compared > 100);
});

test('where nothing was due, nothing succeeded or failed', () => {
  assert.ok(rolling(new Buckets(2), 0, 1000, 100, 60_000, 1000).every(Number.isNaN));
});

test('the coarser level says what the finer one says', () => {
  const fine = random(7).buckets;
  const both = random(7, 5000, { coarse: true }).buckets;
  for (const width of [500, 1000, 5000]) {
    assert.deepEqual(columns(both, 43_210, 480_000, width), columns(fine, 43_210, 480_000, width));
    assert.deepEqual(rolling(both, 43_210, 480_000, width, 60_000, 470_000), rolling(fine, 43_210, 480_000, width, 60_000, 470_000));
  }
});
