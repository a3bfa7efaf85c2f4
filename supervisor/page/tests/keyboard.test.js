import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startKeyboard } from '../keyboard.js';
import { View } from '../view.js';

/** A chart that keys are pressed in; what is told, with the crosshair and the router of then. */
function chart() {
  const view = new View({ now: 60_000, began: 0 });
  const told = [];
  const host = { addEventListener: (_, then) => (host.press = then) };
  startKeyboard([host], view, {
    names: () => ['router-1', 'router-2'], now: () => 60_000, taken: () => {}, told: () => told.push([view.crosshair, view.selected]),
  });
  const press = (key, more = {}) => host.press({ key, target: host, preventDefault: () => {}, ...more });
  return { host, view, told, press };
}

test('what keys have come to is told to those who do not see it', () => {
  const { view, told, press } = chart();
  press('ArrowLeft');
  press('ArrowDown');
  press('ArrowDown');
  assert.equal(told.length, 3);
  assert.ok(told[0][0] > view.from && told[0][0] < view.to);
  assert.deepEqual(told.map(([, router]) => router), [null, 'router-1', 'router-2']);
  press('ArrowRight', { shiftKey: true });
  assert.ok(told[3][0] > told[0][0], 'as it is after the step');
});

test('keys of buttons within a chart, and those of the browser, are left to them', () => {
  const { host, told, press } = chart();
  press('ArrowLeft', { target: {} });
  press('ArrowLeft', { ctrlKey: true });
  press('Tab');
  assert.equal(told.length, 0);
  assert.equal(host.tabIndex, 0);
});
