import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Control as Real, Refused, findToken } from '../control.js';

/** In a lab that has been heard. */
class Control extends Real {
  constructor(token, ask, world = {}) {
    super(token, ask, { labTime: () => 1000.7, ...world });
  }
}

const answering = (status, text) => async () => ({ ok: status < 400, status, text: async () => text });

test('an order carries the token, and a question does not', async () => {
  const asked = [];
  const control = new Control('secret', async (path, request) => {
    asked.push({ path, request });
    return { ok: true, status: 200, text: async () => '{}' };
  });
  await control.post('/v1/fault', { router: 'router-2', fault: 'kill' });
  await control.theory({ interval: '1s', detector: 'passive+sentinel' });
  assert.equal(asked[0].request.headers['x-resetlab-token'], 'secret');
  assert.equal(asked[0].request.headers['x-resetlab-before'], '3000', 'two seconds of the lab’s time from now');
  assert.deepEqual(JSON.parse(asked[0].request.body), { router: 'router-2', fault: 'kill' });
  assert.equal(asked[1].path, '/v1/theory?interval=1s&detector=passive%2Bsentinel');
  assert.equal(asked[1].request.headers, undefined);
});

test('a refusal is in the words of the lab', async () => {
  const error = 'fall cannot be `x`: expected a whole number from 1 to 100';
  const refusals = [
    [answering(409, JSON.stringify({ error, exit: 2 })), error],
    [answering(403, 'no token\n'), 'no token'],
    [answering(500, ''), 'the lab answered 500'],
    [answering(200, '<html>'), '<html>'],
    [() => Promise.reject(new TypeError('Failed to fetch')), 'the lab does not answer: is it still up? `resetlab ps` tells'],
  ];
  for (const [ask, message] of refusals) {
    await assert.rejects(new Control('t', ask).post('/v1/set', {}), (thrown) => thrown instanceof Refused && thrown.message === message);
  }
});

function browser(hash, storage) {
  const cleaned = [];
  const location = { hash, pathname: '/', search: '' };
  return { cleaned, find: () => findToken(location, { replaceState: (_, __, url) => cleaned.push(url) }, storage) };
}

function memory() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

test('a token outlives a reload, and only then leaves the address bar', () => {
  const storage = memory();
  const first = browser('#token=abc', storage);
  assert.equal(first.find(), 'abc');
  assert.deepEqual(first.cleaned, ['/']);
  assert.equal(browser('', storage).find(), 'abc');
  assert.equal(browser('', memory()).find(), null);
});

test('where nothing can be kept, the address keeps it', () => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  const page = browser('#token=abc', { getItem: forbidden, setItem: forbidden });
  assert.equal(page.find(), 'abc');
  assert.deepEqual(page.cleaned, []);
  assert.equal(browser('', { getItem: forbidden }).find(), null);
});

test('the lab is named as its program is called, and nothing is ordered once it has ended', async () => {
  const control = new Control('t', () => Promise.reject(new TypeError('Failed to fetch')));
  control.program = 'resetlab --lab shell';
  await assert.rejects(control.post('/v1/set', {}), /`resetlab --lab shell ps` tells/);
  assert.ok(control.allowed);
  control.end();
  assert.deepEqual([control.allowed, control.ended, control.why], [false, true, 'The lab has ended']);
  const looking = new Control(null);
  looking.program = 'resetlab --lab shell';
  assert.match(looking.why, /`resetlab --lab shell ps`/);
});

test('without a token a page is for looking', () => {
  assert.equal(new Control(null, answering(200, '{}')).allowed, false);
  assert.equal(new Control('t', answering(200, '{}')).allowed, true);
});

test('a token is the lab’s that was heard first, and another lab makes the page one for looking', () => {
  const storage = memory();
  const forbidden = [];
  const page = () => new Control(browser('', storage).find(), answering(200, '{}'), { storage, forbidden: () => forbidden.push(1) });
  browser('#token=abc', storage).find();
  const control = page();
  control.begin('e1');
  control.begin('e1');
  assert.ok(control.allowed);
  // It is known after a reload, too.
  const again = page();
  assert.ok(again.allowed);
  again.begin('e2');
  assert.equal(again.allowed, false);
  assert.match(again.why, /^Looking only/);
  assert.equal(forbidden.length, 1);
  assert.equal(page().allowed, false);
  // The new lab's own token is for it.
  browser('#token=def', storage).find();
  const other = page();
  other.begin('e2');
  assert.ok(other.allowed);
});

test('a token that the lab does not take is none', async () => {
  const control = new Control('old', answering(403, 'orders need the token of this lab\n'), { storage: memory() });
  await assert.rejects(control.post('/v1/set', { fall: '2' }), /orders need the token/);
  assert.equal(control.allowed, false);
  const asking = new Control('t', answering(403, 'no'), { storage: memory() });
  await assert.rejects(asking.theory({ fall: '2' }));
  assert.ok(asking.allowed);
});

test('an order without an answer says so, and an answer in time does not', async () => {
  const said = [];
  const timers = new Map();
  const world = {
    setTimeout: (then, after) => timers.set(timers.size + 1, { then, after }).size,
    clearTimeout: (timer) => timers.delete(timer),
    late: (words) => said.push(words),
  };
  let answer;
  const waiting = new Control('t', () => new Promise((done) => (answer = done)), world);
  for (const [path, body, words] of [
    ['/v1/fault', { router: 'router-2', fault: 'kill' }, 'kill router-2'],
    ['/v1/restart', { router: 'router-3' }, 'restart router-3'],
    ['/v1/set', { fall: '2', rise: '3' }, 'set fall=2 rise=3'],
  ]) {
    const order = waiting.post(path, body);
    const [{ then, after }] = timers.values();
    assert.equal(after, 2000);
    then();
    assert.deepEqual(said.splice(0), [`${words}: no answer yet; what has not reached the lab by now is not carried out`]);
    answer({ ok: true, status: 200, text: async () => '{}' });
    assert.deepEqual(await order, {});
    assert.equal(timers.size, 0);
  }
  waiting.post('/v1/crash', { router: 'router-1' });
  assert.equal(timers.size, 0, 'it tells itself that it takes its time');
});

test('an order is taken back when it is not answered, and none is given to a lab that is not heard', async () => {
  const timers = [];
  const never = (_, { signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
  const control = new Control('t', never, { setTimeout: (then, after) => timers.push({ then, after }), clearTimeout: () => {}, late: () => {} });
  const order = control.post('/v1/fault', { router: 'router-2', fault: 'kill' });
  assert.deepEqual(timers.map(({ after }) => after), [2000, 10_000]);
  timers[1].then();
  await assert.rejects(order, /no answer for 10 s: what has not been carried out by now will not be/);
  const asked = [];
  const early = new Control('t', (path) => asked.push(path), { labTime: () => null });
  await assert.rejects(early.post('/v1/set', { fall: '2' }), /not been heard yet/);
  assert.deepEqual(asked, []);
});
