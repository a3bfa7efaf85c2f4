import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Edition } from '../edition.js';

function memory() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

const lab = (version, schema = 'resetlab.page.v1') => ({ schema, version });

test('a tab that hears a newer lab is loaded anew, once', () => {
  const storage = memory();
  const loads = [];
  const page = () => new Edition(storage, () => loads.push(1));
  const old = page();
  assert.ok(old.hear(lab('1.0.0')) && old.hear(lab('1.0.0')));
  assert.equal(old.hear(lab('1.1.0')), false);
  assert.equal(old.fits, false, 'nothing of it is read meanwhile');
  assert.equal(loads.length, 1);
  const loaded = page();
  assert.ok(loaded.hear(lab('1.1.0')));
  assert.equal(loads.length, 1);
});

test('what cannot be read after that is not read, and there is no end of loading', () => {
  const storage = memory();
  const loads = [];
  for (const expected of [1, 1, 1]) {
    const page = new Edition(storage, () => loads.push(1));
    assert.equal(page.hear(lab('2.0.0', 'resetlab.page.v2')), false);
    assert.equal(loads.length, expected);
  }
});

test('where nothing can be remembered nothing is loaded anew', () => {
  const loads = [];
  const page = new Edition(null, () => loads.push(1));
  assert.ok(page.hear(lab('1.0.0')));
  assert.ok(page.hear(lab('1.1.0')), 'it tries');
  assert.equal(page.hear(lab('1.1.0', 'another')), false);
  assert.deepEqual(loads, []);
});
