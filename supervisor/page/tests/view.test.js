import assert from 'node:assert/strict';
import test from 'node:test';
import { View } from '../view.js';

const at = (now, began = 0) => new View({ now, began });

test('a live view moves, a short history begins at its left', () => {
  const history = { now: 10_000, began: 0 };
  const view = new View(history);
  assert.deepEqual([view.from, view.to, view.live], [0, 60_000, true]);
  history.now = 600_000;
  assert.equal(view.span, 60_000);
  assert.ok(view.to > history.now && view.to < history.now + 3000);
});

test('pause holds, resume goes on', () => {
  const history = { now: 600_000, began: 0 };
  const view = new View(history);
  view.pause();
  const { from, to } = view;
  history.now += 5000;
  assert.deepEqual([view.from, view.to, view.live], [from, to, false]);
  view.resume();
  assert.ok(view.live && view.from === from + 5000);
});

test('zoom and back', () => {
  const view = at(600_000);
  view.zoom(500_000, 400_000);
  view.zoom(410_000, 420_000);
  assert.deepEqual([view.from, view.to], [410_000, 420_000]);
  view.back();
  assert.deepEqual([view.from, view.to, view.live], [400_000, 500_000, false]);
  view.back();
  assert.ok(view.live && !view.zoomed);
  view.back();
  assert.ok(view.live);
});

test('nothing is zoomed to nothing', () => {
  const view = at(600_000);
  view.zoom(1000, 1000);
  assert.ok(view.span >= 50);
  view.zoom(NaN, 5);
  assert.ok(Number.isFinite(view.from));
});

test('the span changes about the crosshair', () => {
  const view = at(600_000);
  view.zoom(100_000, 200_000);
  view.setCrosshair(120_000);
  view.setSpan(50_000);
  assert.deepEqual([view.from, view.to], [110_000, 160_000]);
  view.setSpan(1e12);
  assert.equal(view.span, 3_600_000);
});

test('every difference is told once', () => {
  const view = at(600_000);
  let told = 0;
  view.addEventListener('change', () => told++);
  view.setCrosshair(5);
  view.setCrosshair(5);
  view.select('router-1');
  view.select('router-1');
  view.pause();
  view.pause();
  assert.equal(told, 3);
});
