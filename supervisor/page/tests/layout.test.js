import assert from 'node:assert/strict';
import test from 'node:test';
import { TALL, labelHeight, labelTop, laneAt, lanes, place, spread } from '../layout.js';
import { Dice } from './lab.js';

const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

test('lanes fill what there is, and their parts do not overlap', () => {
  for (const [count, height] of [[1, 400], [4, 320], [4, 140], [8, 320], [20, 300], [50, 300], [50, 250], [100, 250]]) {
    const rows = lanes(count, 20, height);
    assert.ok(rows.y(count - 1) + rows.pitch <= 20 + height + 1e-9);
    assert.ok(rows.truth >= rows.label - 3 && rows.band >= 1);
    assert.ok(rows.belief >= rows.truth + rows.band, `${count} in ${height}`);
    assert.ok(rows.checks >= rows.belief + rows.band);
    assert.ok(rows.checks + rows.ticks <= rows.pitch + 1.5, `${count} in ${height}: ${rows.checks} + ${rows.ticks} > ${rows.pitch}`);
    for (let index = 0; index < count; index++) assert.equal(laneAt(rows, rows.y(index) + rows.pitch / 2), index);
  }
});

test('each lane has room for a label of its own above its bands', () => {
  for (let pitch = TALL; pitch <= 160; pitch += 0.5) {
    const rows = lanes(2, 0, 2 * pitch);
    assert.ok(rows.tall && labelTop(rows) >= 0, `${pitch}: ${labelTop(rows)}`);
    assert.ok(rows.checks + rows.ticks <= rows.pitch + 1.5, `${pitch}: ${rows.checks} + ${rows.ticks}`);
  }
});

test('no lanes', () => {
  const rows = lanes(0, 0, 100);
  assert.equal(laneAt(rows, 5), -1);
  assert.equal(laneAt(lanes(3, 20, 90), 10), -1);
  assert.equal(laneAt(lanes(3, 20, 90), 5000), -1);
});

test('labels never overlap, stay inside, and the most important one is there', () => {
  const dice = new Dice(3);
  const bounds = { x: 100, y: 0, width: 600, height: 300 };
  for (let round = 0; round < 50; round++) {
    const labels = Array.from({ length: 60 }, (_, id) => ({
      id, height: 13, rank: dice.next(),
      choices: Array.from({ length: 3 }, () => ({ x: 80 + dice.next() * 600, y: dice.next() * 300 - 10, width: 40 + dice.next() * 90 })),
    }));
    const placed = place(labels, bounds);
    for (const [i, a] of placed.entries()) {
      assert.ok(a.x >= bounds.x && a.y >= 0 && a.x + a.width <= 700 && a.y + a.height <= 300);
      for (const b of placed.slice(i + 1)) assert.ok(!meet(a, b), `${a.id} and ${b.id}`);
    }
    const possible = labels.filter((label) => label.choices.some(({ x, y, width }) => x >= 100 && y >= 0 && x + width <= 700 && y + 13 <= 300));
    const best = possible.reduce((a, b) => (a.rank > b.rank ? a : b));
    assert.ok(placed.some(({ id }) => id === best.id));
  }
});

test('a shorter text is taken where the long one does not fit', () => {
  const choices = [{ x: 0, y: 0, width: 90, text: '3.171 s · 154 lost' }, { x: 0, y: 0, width: 40, text: '3.171 s' }];
  const [label] = place([{ rank: 1, height: 10, choices }], { x: 0, y: 0, width: 50, height: 20 });
  assert.equal(label.text, '3.171 s');
  assert.deepEqual(place([{ rank: 1, height: 10, choices }], { x: 0, y: 0, width: 10, height: 20 }), []);
});

test('a place that has to be clear hides nothing that is kept; another one may', () => {
  const kept = [{ x: 40, y: 0, width: 20, height: 10 }];
  const bounds = { x: 0, y: 0, width: 100, height: 10 };
  const over = { x: 30, y: 0, width: 40 };
  const label = (...choices) => place([{ rank: 1, height: 10, choices }], bounds, kept).map(({ x }) => x);
  assert.deepEqual(label({ ...over, clear: true }), []);
  assert.deepEqual(label({ ...over, clear: true }, { ...over, x: 60, clear: true }), [60]);
  assert.deepEqual(label({ ...over, clear: true }, over), [30]);
});

test('labels at a margin keep their order and their distance', () => {
  const dice = new Dice(5);
  for (let round = 0; round < 200; round++) {
    const wanted = Array.from({ length: 1 + Math.floor(dice.next() * 6) }, () => dice.next() * 140 - 20);
    const heights = spread(wanted, 12, 0, 100);
    const order = [...wanted.keys()].sort((a, b) => wanted[a] - wanted[b]);
    for (const y of heights) assert.ok(y >= -1e-9 && y <= 100 + 1e-9);
    for (let i = 1; i < order.length; i++) assert.ok(heights[order[i]] - heights[order[i - 1]] >= 12 - 1e-9);
  }
  assert.deepEqual(spread([50], 12, 0, 100), [50]);
  assert.deepEqual(spread([], 12, 0, 100), []);
  assert.ok(spread(new Array(20).fill(5), 12, 0, 50).every((y) => y >= -1e-9 && y <= 50 + 1e-9));
});
