import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Asking } from '../asking.js';

/** A lab that answers with these pieces, one list an answer; `null`: not at all. */
function world(...answers) {
  const made = { timers: [], urls: [], document: { hidden: false } };
  const bytes = new TextEncoder();
  const asking = new Asking(() => `/v1/live?${made.urls.length}`, {
    async fetch(url, { signal }) {
      made.urls.push(url);
      made.signal = signal;
      const pieces = answers.shift();
      if (!pieces) throw new TypeError('Failed to fetch');
      return new Response(new ReadableStream({
        start(stream) {
          for (const piece of pieces) stream.enqueue(typeof piece === 'string' ? bytes.encode(piece) : piece);
          stream.close();
        },
      }));
    },
    setTimeout: (then, after) => made.timers.push({ then, after }),
    clearTimeout: () => {},
    document: made.document,
  });
  const said = [];
  for (const kind of ['open', 'error', 'asked']) asking.addEventListener(kind, () => said.push(kind));
  for (const kind of ['hello', 'frames', 'end']) {
    asking.addEventListener(kind, ({ data, lastEventId }) => said.push(`${kind} ${lastEventId} ${data}`));
  }
  return { asking, made, said: () => said.splice(0) };
}

test('events are whole however they come in pieces', async () => {
  const text = new TextEncoder().encode('event: frames\nid: e1.4\ndata: [{"text":"a – b: c"}]\n\n');
  const { asking, made, said } = world(['event: hello\ndata: {"a":1}\n', '\n: still here\n\nev', 'ent: frames\nid: e1.3\ndata: []\n\n'], [text.slice(0, 43), text.slice(43)], []);
  assert.equal(made.timers[0].after, 0);
  await asking.now();
  assert.deepEqual(said(), ['open', 'hello  {"a":1}', 'frames e1.3 []', 'asked']);
  assert.equal(made.timers.at(-1).after, 250);
  made.document.hidden = true;
  await asking.now();
  assert.deepEqual(said(), ['frames e1.4 [{"text":"a – b: c"}]', 'asked']);
  assert.equal(made.timers.at(-1).after, 1000);
  await asking.now();
  assert.deepEqual(said(), ['asked']);
  assert.deepEqual(made.urls, ['/v1/live?0', '/v1/live?1', '/v1/live?2']);
});

test('it gives up at the first failure, and says nothing once it is closed', async () => {
  const { asking, made, said } = world([], null, ['event: end\ndata: {}\n\n']);
  await asking.now();
  await asking.now();
  assert.deepEqual(said(), ['open', 'asked', 'error']);
  assert.equal(asking.readyState, 2);
  const other = world(['event: end\ndata: {}\n\n']);
  other.asking.close();
  await other.asking.now();
  assert.deepEqual(other.said(), []);
  assert.ok(other.made.signal.aborted);
  assert.equal(other.made.timers.length, 1);
  assert.equal(made.timers.length, 2, 'nothing is asked after a failure');
});
