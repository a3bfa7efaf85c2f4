import assert from 'node:assert/strict';
import test from 'node:test';
import { BINS, Histograms, binOf } from '../histograms.js';
import { Merged, quantile } from '../quantile.js';
import { Dice } from './lab.js';

const bin = (ms) => Math.floor(binOf(ms));

test('quantiles are those of brute force, to the width of a bin', () => {
  const dice = new Dice(8);
  for (const n of [1000, 4321]) {
    const values = Array.from({ length: n }, () => 2 * Math.exp(dice.normal())).sort((a, b) => a - b);
    const bins = new Uint32Array(BINS);
    for (const value of values) bins[bin(value)]++;
    for (const q of [0.01, 0.5, 0.9, 0.99, 0.999]) {
      const exact = values[Math.ceil(q * n) - 1];
      const ratio = quantile(bins, n, q) / exact;
      assert.ok(ratio > 2 ** (-1 / 16) && ratio < 2 ** (1 / 16), `${q} of ${n}: ${ratio}`);
    }
  }
});

test('too few say nothing', () => {
  const bins = new Uint32Array(BINS);
  assert.equal(quantile(bins, 0, 0.5), null);
  bins[100] = 99;
  assert.equal(quantile(bins, 99, 0.99), null);
  assert.notEqual(quantile(bins, 99, 0.5), null);
  bins[100] = 100;
  assert.notEqual(quantile(bins, 100, 0.99), null);
});

test('merging is adding, whatever the chunks', () => {
  const dice = new Dice(2);
  const histograms = new Histograms();
  const plain = [];
  for (let frame = 1; frame <= 2000; frame++) {
    const entries = Array.from({ length: Math.floor(dice.next() * 6) }, () => [Math.floor(dice.next() * BINS), 1 + Math.floor(dice.next() * 9)]);
    histograms.add(frame * 100, entries);
    plain.push([frame * 100, entries]);
  }
  for (const [from, to] of [[0, 200_000], [59_900, 60_100], [60_000, 120_000], [12_345, 154_321], [500, 500], [200_000, 900_000]]) {
    const bins = new Uint32Array(BINS);
    const expected = new Uint32Array(BINS);
    for (const [time, entries] of plain) if (time > from && time <= to) for (const [b, count] of entries) expected[b] += count;
    assert.equal(histograms.merge(from, to, bins), expected.reduce((sum, n) => sum + n, 0), `${from}–${to}`);
    assert.deepEqual(bins, expected);
  }
});

test('a column that is whole is made once, the last one again and again', () => {
  const histograms = new Histograms();
  const merged = new Merged();
  let made = 0;
  const total = (now, index) => merged.column(histograms, 1000, index, 1000, now, (_, count) => (made++, count));
  histograms.add(500, [[100, 2]]);
  assert.equal(total(500, 0), 2);
  histograms.add(1000, [[100, 3]]);
  assert.equal(total(1000, 0), 5);
  assert.equal(made, 2);
  assert.equal(total(2000, 0), 5);
  assert.equal(made, 2);
  assert.equal(merged.column(new Histograms(), 1000, 0, 1000, 2000, (_, count) => count), 0, 'another lab has its own');
});

test('columns of widths that were seen before are kept, of a few widths', () => {
  const histograms = new Histograms();
  histograms.add(500, [[3, 5]]);
  const merged = new Merged();
  let made = 0;
  const see = (width) => merged.column(histograms, width, 0, width, 1e9, () => ++made);
  for (const width of [1000, 2000, 1000, 2000]) see(width);
  assert.equal(made, 2, 'there and back');
  for (let width = 3000; width < 20_000; width += 1000) see(width);
  made = 0;
  see(19_000);
  assert.equal(made, 0);
  see(1000);
  assert.equal(made, 1, 'not of every width that there ever was');
});

test('whole tens of seconds are read from their sums, and say the same as each frame', () => {
  const dice = new Dice(3);
  const [both, fine] = [new Histograms(), new Histograms({ coarse: false })];
  for (let t = 100; t <= 200_000; t += 100) {
    if (t > 90_000 && t < 125_000) continue;
    const entries = Array.from({ length: 5 }, () => [Math.floor(dice.next() * 600), 1 + Math.floor(dice.next() * 9)]);
    for (const histograms of [both, fine]) histograms.add(t, entries);
  }
  const merged = (histograms, from, to) => {
    const sums = new Uint32Array(BINS);
    return [histograms.merge(from, to, sums), ...sums];
  };
  for (const [from, to] of [[0, 10_000], [0, 200_000], [60_000, 120_000], [190_000, 200_000], [90_000, 130_000], [150_000, 190_000], [5000, 20_000], [-10_000, 30_000]]) {
    assert.deepEqual(merged(both, from, to), merged(fine, from, to), `${from}–${to}`);
  }
  for (const histograms of [both, fine]) histograms.forget(125_000);
  assert.deepEqual(merged(both, 130_000, 190_000), merged(fine, 130_000, 190_000));
});
