import assert from 'node:assert/strict';
import test from 'node:test';
import { LastCommand } from '../lastcommand.js';

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, word) => void kept.set(key, String(word)) };
}

test('what was done is still there when the page is loaded again', () => {
  const tab = storage();
  const before = new LastCommand(tab);
  assert.equal(before.begin('a'), '');
  before.did('resetlab kill router-2');
  before.did('resetlab set fall=3');
  assert.equal(new LastCommand(tab).begin('a'), 'resetlab set fall=3');
});

test('what was done to another lab is not', () => {
  const tab = storage();
  const one = new LastCommand(tab);
  one.begin('a');
  one.did('resetlab kill router-2');
  const again = new LastCommand(tab);
  assert.equal(again.begin('b'), '');
  again.did('resetlab hang router-1');
  assert.equal(again.begin('b'), 'resetlab hang router-1');
  assert.equal(new LastCommand(tab).begin('a'), '', 'only the last one is kept');
});

test('a storage that is missing, full or foreign harms nobody', () => {
  const full = { getItem: () => '{', setItem: () => assert.fail('full') };
  for (const world of [null, full, { getItem: () => '{"epoch":"a","line":7}', setItem: () => {} }]) {
    const last = new LastCommand(world);
    assert.equal(last.begin('a'), '');
    last.did('resetlab kill router-2');
  }
});
