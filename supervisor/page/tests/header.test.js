import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Header } from '../header.js';
import { History } from '../history.js';

/** As much of an element as a header needs. */
class Element {
  constructor() {
    Object.assign(this, { textContent: '', title: '', dataset: {}, children: [] });
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  setAttribute() {}
  addEventListener() {}
}

function shown(history) {
  globalThis.document = { createElement: () => new Element(), querySelector: () => new Element() };
  const parts = { where: new Element(), figures: new Element(), connection: new Element(), late: new Element(), hint: new Element() };
  new Header(parts).update(history, { state: { is: 'live', since: 0 }, malformed: 0 }, 0);
  const [, lost] = parts.figures.children;
  return { lost: lost.children[1].children[0].textContent, connection: parts.connection.textContent };
}

const totals = { sent: 100_000, ok: 90_000, lost: 10_000, by_outcome: { reset: 6000 }, records_dropped: 4000, budget_left: 0.5 };
const hello = (first_seq, t, totals) => ({ epoch: 'e', lab: 'l', engine: 'lb-sim', first_seq, budget_days: 30, slo: 0.999, base: { t, routers: {}, totals, settings: {}, preset: 'kb' } });

test('a tab that comes later says as much is lost as one that was there', () => {
  const old = new History();
  old.begin(hello(0, 0, { ...totals, lost: 0, by_outcome: {}, records_dropped: undefined }));
  old.apply({ seq: 0, t: 100, totals });
  const later = new History();
  later.begin(hello(50_000, 5_000_000, totals));
  assert.deepEqual(shown(old), { lost: '10,000', connection: 'connected · 4,000 records lost' });
  assert.deepEqual(shown(later), shown(old));
});

test('frames and records are counted each for itself', () => {
  const history = new History();
  history.begin(hello(0, 0, { ...totals, records_dropped: 1 }));
  history.gap({ frames: 3, base: null });
  assert.equal(shown(history).connection, 'connected · 3 frames dropped · 1 record lost');
});
