import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stream } from '../stream.js';

/** A browser whose pictures, timers and connections are made by the test. */
function world() {
  const made = { sources: [], asking: [], pictures: [], timers: [], listeners: [], now: 0, free: true, ended: [] };
  class EventSource {
    static CLOSED = 2;
    constructor(url) {
      Object.assign(this, { url, readyState: 1, heard: {} });
      made.sources.push(this);
    }
    addEventListener(kind, then) {
      this.heard[kind] = then;
    }
    close() {
      this.readyState = 2;
    }
    tell(kind, data, lastEventId = '') {
      this.heard[kind]({ data: typeof data === 'string' ? data : JSON.stringify(data), lastEventId });
    }
  }
  class Asking extends EventSource {
    constructor(url) {
      super(url);
      made.asking.push(made.sources.pop());
    }
    now() {
      this.asked = true;
    }
  }
  const places = (told) => {
    made.told = told;
    return { take: async () => made.free, leave: () => {}, end: (epoch) => made.ended.push(epoch) };
  };
  const document = { hidden: false, addEventListener: (_, then) => made.listeners.push(then) };
  const heard = [];
  const listener = {
    hello: (hello) => heard.push(`hello ${hello.epoch}`),
    frame(frame) {
      if (frame.bad) throw new Error('bad frame');
      heard.push(`frame ${frame.seq}`);
    },
    gap: (gap) => heard.push(`gap ${gap.frames}`),
    applied: (drawable) => heard.push(drawable ? 'drawn' : 'applied'),
    state: ({ is }) => heard.push(is),
  };
  const stream = new Stream(listener, {
    EventSource,
    Asking,
    places,
    document,
    requestAnimationFrame: (draw) => made.pictures.push(draw),
    setTimeout: (then, after) => made.timers.push({ then, after }),
    now: () => made.now,
  });
  const picture = () => made.pictures.splice(0).forEach((draw) => draw());
  const said = () => heard.splice(0);
  return { stream, made, document, picture, said };
}

test('all that came before a picture is applied in one go', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.heard.open();
  source.tell('hello', { epoch: 'a' });
  source.tell('frames', [{ seq: 0 }, { seq: 1 }]);
  source.tell('frames', [{ seq: 2 }]);
  assert.equal(made.pictures.length, 1);
  assert.deepEqual(said(), ['live']);
  picture();
  assert.deepEqual(said(), ['hello a', 'frame 0', 'frame 1', 'frame 2', 'drawn']);
});

test('a hidden page applies without a picture, and draws when it is seen again', async () => {
  const { stream, made, document, said } = world();
  await stream.open();
  document.hidden = true;
  made.sources[0].tell('hello', { epoch: 'a' });
  made.sources[0].tell('frames', [{ seq: 0 }]);
  assert.equal(made.pictures.length, 0);
  assert.deepEqual(said(), ['hello a', 'applied', 'frame 0', 'applied']);
  document.hidden = false;
  made.listeners.forEach((then) => then());
  assert.deepEqual(said(), ['drawn']);
});

test('what cannot be read is counted and skipped', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.tell('frames', '[{"seq":0},{"se');
  source.tell('frames', [{ seq: 0, bad: true }, { seq: 1 }]);
  source.tell('frames', '7');
  source.tell('gap', { frames: 3 });
  picture();
  assert.deepEqual(said(), ['frame 1', 'gap 3', 'drawn']);
  assert.equal(stream.malformed, 3);
});

test('the browser reconnects by itself; when it has given up, the page goes on after the last frame', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [first] = made.sources;
  first.heard.open();
  first.tell('frames', [{ seq: 41 }], 'e1.41');
  first.tell('gap', { frames: 3 });
  picture();
  first.readyState = 0;
  first.heard.error();
  assert.equal(made.timers.length, 0);
  assert.equal(said().at(-1), 'reconnecting');
  first.readyState = 2;
  first.heard.error();
  first.heard.error();
  assert.deepEqual(made.timers.map(({ after }) => after), [1000, 2000]);
  await made.timers[0].then();
  assert.equal(made.sources[1].url, '/v1/live?after=e1.41');
});

test('after the end nothing is tried again', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.heard.open();
  source.tell('end', '');
  picture();
  assert.deepEqual(said(), ['live', 'ended', 'drawn']);
  source.heard.error();
  assert.deepEqual(made.timers, []);
  assert.equal(stream.state.is, 'ended');
});

test('a lab that says nothing for three seconds is silent, until it says something', async () => {
  const { stream, made, document, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  made.now = 5000;
  source.heard.open();
  source.tell('frames', [{ seq: 0 }]);
  picture();
  made.now = 7999;
  stream.look();
  assert.equal(stream.state.is, 'live');
  made.now = 8000;
  stream.look();
  assert.deepEqual(stream.state, { is: 'silent', since: 5000 });
  source.tell('frames', [{ seq: 1 }]);
  assert.equal(stream.state.is, 'live');
  picture();
  assert.deepEqual(said(), ['live', 'frame 0', 'drawn', 'silent', 'live', 'frame 1', 'drawn']);
  // Nobody looks at a hidden page, and what came meanwhile may be on its way.
  document.hidden = true;
  made.now = 60000;
  stream.look();
  document.hidden = false;
  made.listeners.forEach((then) => then());
  stream.look();
  made.now = 62999;
  stream.look();
  assert.equal(stream.state.is, 'live');
  made.now = 63000;
  stream.look();
  assert.deepEqual(stream.state, { is: 'silent', since: 60000 });
  source.readyState = 0;
  source.heard.error();
  stream.look();
  assert.equal(stream.state.is, 'reconnecting');
});

test('without a place it asks for what is new, and holds a stream as soon as it has a place', async () => {
  const { stream, made, picture, said } = world();
  made.free = false;
  await stream.open();
  const [asking] = made.asking;
  assert.equal(asking.url(), '/v1/live?wait=false');
  asking.heard.open();
  asking.tell('hello', { epoch: 'e1' });
  asking.tell('frames', [{ seq: 0 }], 'e1.0');
  assert.equal(asking.url(), '/v1/live?after=e1.0&wait=false');
  await asking.heard.asked();
  assert.equal(made.sources.length, 0);
  made.free = true;
  await asking.heard.asked();
  await null;
  assert.equal(asking.readyState, 2);
  assert.equal(made.sources[0].url, '/v1/live?after=e1.0');
  // What the other one says yet is not heard twice.
  asking.tell('frames', [{ seq: 1 }], 'e1.1');
  made.sources[0].tell('frames', [{ seq: 1 }], 'e1.1');
  picture();
  assert.deepEqual(said(), ['live', 'hello e1', 'frame 0', 'frame 1', 'drawn']);
  made.free = false;
  await made.told.lost();
  assert.equal(made.sources[0].readyState, 2);
  assert.equal(made.asking[1].url(), '/v1/live?after=e1.1&wait=false');
});

test('the end that another tab has heard is the end here, where the lab cannot tell it any more', async () => {
  const { stream, made, picture } = world();
  made.free = false;
  await stream.open();
  const [asking] = made.asking;
  asking.heard.open();
  asking.tell('frames', [{ seq: 0 }], 'e1.0');
  picture();
  made.told.ended('e0');
  assert.equal(asking.asked, undefined, 'another lab');
  made.told.ended('e1');
  assert.equal(asking.asked, true, 'for what is left');
  asking.readyState = 2;
  asking.heard.error();
  assert.equal(stream.state.is, 'ended');
  assert.deepEqual([made.ended, made.timers], [['e1'], []]);
});

test('what comes at once is applied between pictures, as much as there is time for, and in its order', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.heard.open();
  // Each event takes 5 ms.
  const parse = JSON.parse;
  JSON.parse = (text) => {
    made.now += 5;
    return parse(text);
  };
  try {
    for (let seq = 0; seq < 7; seq++) source.tell('frames', [{ seq }]);
    said();
    picture();
    assert.deepEqual(said(), ['frame 0', 'frame 1', 'frame 2', 'drawn'], 'the first is told of at once');
    assert.equal(made.pictures.length, 1, 'and asks for the next picture');
    picture();
    assert.deepEqual(said(), ['frame 3', 'frame 4', 'frame 5'], 'nothing is told while it catches up');
    picture();
    assert.deepEqual(said(), ['frame 6', 'drawn']);
    assert.equal(made.pictures.length, 0);
  } finally {
    JSON.parse = parse;
  }
});

test('of what no picture comes for, no more waits than there is room for', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.heard.open();
  said();
  for (let seq = 0; seq < 1500; seq++) source.tell('frames', [{ seq }]);
  const waited = 1500 - said().length;
  assert.equal(waited, 1000);
  picture();
  assert.deepEqual(said(), [...Array.from({ length: waited }, (_, i) => `frame ${500 + i}`), 'drawn']);
});

test('a lab that has ended is not lost, however much of it is still to be applied', async () => {
  const { stream, made, picture, said } = world();
  await stream.open();
  const [source] = made.sources;
  source.heard.open();
  source.tell('frames', [{ seq: 0 }]);
  source.tell('end', {});
  assert.equal(source.readyState, 2, 'closed at once: the browser does not come back');
  said();
  picture();
  assert.deepEqual(said(), ['frame 0', 'ended', 'drawn']);
});
