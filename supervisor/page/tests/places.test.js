import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Places } from '../places.js';

/** A browser: its locks, and words from tab to tab. */
function browser() {
  const held = new Map();
  const channels = [];
  const locks = {
    async request(name, { ifAvailable }, then) {
      assert.ok(ifAvailable, 'nobody waits for a lock');
      if (held.has(name)) return then(null);
      held.set(name, true);
      const end = then({ name });
      await end;
      held.delete(name);
    },
  };
  const tab = (hidden = false) => {
    const document = { hidden };
    const lost = [];
    const ended = [];
    const channel = { addEventListener: (_, then) => (channel.then = then), postMessage: (data) => channels.forEach((it) => it !== channel && it.then({ data })) };
    channels.push(channel);
    const places = new Places({ lost: () => lost.push(1), ended: (epoch) => ended.push(epoch) }, { locks, channel, document });
    return { places, document, lost, ended };
  };
  return { held, tab };
}

const settled = () => new Promise((done) => setImmediate(done));

test('two tabs hold a stream, the others ask; a place that is left is another one’s', async () => {
  const { held, tab } = browser();
  const tabs = Array.from({ length: 7 }, () => tab());
  const had = [];
  for (const { places } of tabs) had.push(await places.take());
  assert.deepEqual(had, [true, true, false, false, false, false, false]);
  assert.equal(await tabs[0].places.take(), true, 'it keeps its own');
  tabs[1].places.leave();
  await settled();
  assert.equal(held.size, 1);
  assert.equal(await tabs[6].places.take(), true);
  assert.deepEqual(tabs.flatMap(({ lost }) => lost), [], 'who is seen makes way for nobody');
});

test('a hidden tab makes way for one that is seen, and takes a place again when it is seen', async () => {
  const { tab } = browser();
  const [one, two, three] = [tab(), tab(true), tab()];
  await one.places.take();
  await two.places.take();
  assert.equal(await three.places.take(), false);
  assert.deepEqual([one.lost, two.lost], [[], [1]]);
  await settled();
  assert.equal(await two.places.take(), false, 'it has made way');
  assert.equal(await three.places.take(), true);
  three.places.leave();
  await settled();
  assert.equal(await two.places.take(), false);
  two.document.hidden = false;
  assert.equal(await two.places.take(), true);
});

test('taken twice at a time it is one place; without locks there is none', async () => {
  const { held, tab } = browser();
  const { places } = tab();
  assert.deepEqual(await Promise.all([places.take(), places.take()]), [true, true]);
  await settled();
  assert.equal(held.size, 1);
  const bare = new Places({}, { locks: undefined, channel: null, document: { hidden: false } });
  assert.equal(await bare.take(), false);
});

test('the end is told from tab to tab', () => {
  const { tab } = browser();
  const [one, two] = [tab(), tab(true)];
  one.places.end('e1');
  assert.deepEqual([one.ended, two.ended], [[], ['e1']]);
});
