import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Control, Refused, findToken } from '../control.js';

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
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
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
