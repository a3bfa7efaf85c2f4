import assert from 'node:assert/strict';
import test from 'node:test';
import { BUCKET_MS, HOUR_MS, History, OUTCOMES } from '../history.js';
import { byRouter, gaps, lostIn, windowOf } from '../spans.js';
import { Dice, lab } from './lab.js';

const told = (options) => {
  const [hello, ...frames] = lab(options);
  return { hello, frames };
};

function heard({ hello, frames }) {
  const history = new History();
  history.begin(hello);
  for (const frame of frames) history.apply(frame);
  return history;
}

/** Everything that a chart can see, in a form that can be compared. */
function picture(history) {
  const lanes = history.names().map((name) => {
    const { truth, belief, checks, failed } = history.routers.get(name);
    const column = (values) => [...values.subarray(0, checks.length)];
    return { name, truth, belief, checks: [column(checks.started), column(checks.ended), column(checks.result)], failed: [...failed.sum(0, 1e6, [0])] };
  });
  const out = [];
  history.out.each(0, history.out.last + 1, (bucket, counts, at) => out.push([bucket, ...counts.subarray(at, at + OUTCOMES.length)]));
  const { windows, log, totals, settings, now, dropped } = history;
  return { lanes, out, windows: [...windows], log, totals, settings, now, dropped };
}

test('counts of all frames are kept, those of old buckets too', () => {
  const { hello, frames } = told({ routers: 4, seconds: 60, seed: 3 });
  const history = heard({ hello, frames });
  const expected = {};
  let late = 0;
  for (const frame of frames) {
    for (const [bucket, counts] of frame.out) {
      if (bucket < frame.seq) late++;
      for (const [outcome, count] of Object.entries(counts)) expected[outcome] = (expected[outcome] ?? 0) + count;
    }
  }
  assert.ok(late > 0, 'this lab has requests that time out');
  const sums = history.outcomes(0, history.now);
  for (const [kind, outcome] of OUTCOMES.entries()) assert.equal(sums[kind], expected[outcome] ?? 0, outcome);
  assert.ok(sums[0] > 0 && sums[OUTCOMES.indexOf('reset')] > 0 && sums[OUTCOMES.indexOf('timeout')] > 0);
});

test('an outcome that is not known yet is counted', () => {
  const history = new History();
  history.begin(told({ seconds: 1 }).hello);
  history.apply({ seq: 0, t: 100, out: [[0, { ok: 2, http_599: 3 }]] });
  assert.equal(history.success(0, 100), 0.4);
});

test('additions commute', () => {
  const dice = new Dice(9);
  const additions = Array.from({ length: 500 }, () => [Math.floor(dice.next() * 2000), OUTCOMES[Math.floor(dice.next() * 9)], Math.floor(dice.next() * 5) + 1]);
  const seen = (list) => {
    const history = new History();
    history.begin(told({ seconds: 1 }).hello);
    list.forEach(([bucket, outcome, n], seq) => history.apply({ seq, t: 200_000, out: [[bucket, { [outcome]: n }]], attempts: [['router-1', bucket, n]] }));
    return picture(history);
  };
  const shuffled = additions.map((value) => [dice.next(), value]).sort((a, b) => a[0] - b[0]).map(([, value]) => value);
  assert.deepEqual(seen(shuffled), seen(additions));
});

test('changes that are heard late are put where they belong', () => {
  const history = new History();
  history.begin(told({ seconds: 1 }).hello);
  const change = (at, truth) => ({ router: 'router-1', at, truth, why: '' });
  history.apply({ seq: 0, t: 500, truth: [change(400, 'starting'), change(120, 'dead'), change(450, 'up')], checks: [['router-1', 300, 400, 'ok'], ['router-1', 100, 200, 'refused']] });
  assert.deepEqual(history.lane('router-1').truth.map(({ at, truth }) => [at, truth]), [[0, 'up'], [120, 'dead'], [400, 'starting'], [450, 'up']]);
  assert.deepEqual([...history.lane('router-1').checks.ended.subarray(0, 2)], [200, 400]);
});

test('a reason that comes after its change replaces it', () => {
  const history = new History();
  history.begin(told({ seconds: 1 }).hello);
  const dead = (why) => ({ router: 'router-1', at: 120, truth: 'dead', why });
  history.apply({ seq: 0, t: 200, truth: [dead('')] });
  history.apply({ seq: 1, t: 300, truth: [dead('killed by SIGKILL')] });
  assert.deepEqual(history.lane('router-1').truth.slice(1), [{ at: 120, truth: 'dead', why: 'killed by SIGKILL' }]);
});

test('a reconnect that hears everything again changes nothing', () => {
  const lab4 = told({ routers: 4, seconds: 40, seed: 5 });
  const history = heard(lab4);
  const before = picture(history);
  history.begin(lab4.hello);
  assert.ok(lab4.frames.every((frame) => history.apply(frame) === false));
  assert.deepEqual(picture(history), before);
});

test('a reconnect in the middle ends as if there had been none', () => {
  const { hello, frames } = told({ routers: 4, seconds: 40, seed: 6 });
  const history = heard({ hello, frames: frames.slice(0, 170) });
  history.begin({ ...hello, now: 20_000 });
  for (const frame of frames.slice(100)) history.apply(frame);
  assert.deepEqual(picture(history), picture(heard({ hello, frames })));
});

test('another epoch is another lab', () => {
  const history = heard(told({ routers: 4, seconds: 30, seed: 1 }));
  const { hello, frames } = told({ routers: 2, seconds: 5, seed: 2 });
  history.begin(hello);
  for (const frame of frames) history.apply(frame);
  assert.deepEqual(picture(history), picture(heard({ hello, frames })));
});

test('a gap is counted once, whoever tells of it, and shown as a hole', () => {
  const { hello, frames } = told({ routers: 2, seconds: 20, seed: 1 });
  for (const announced of [false, true]) {
    const history = heard({ hello, frames: frames.slice(0, 100) });
    if (announced) {
      history.gap({ frames: 50, base: null });
      assert.equal(history.dropped, 50);
    }
    for (const frame of frames.slice(150)) history.apply(frame);
    assert.equal(history.dropped, 50);
    assert.deepEqual(history.holes, [{ from: 10_000, to: 15_000 }]);
    assert.equal(history.apply(frames[120]), false, 'what is older is not put in afterwards');
  }
});

test('after a gap, the state is that of its base', () => {
  const { hello, frames } = told({ routers: 2, seconds: 20, seed: 1 });
  const history = heard({ hello, frames: frames.slice(0, 30) });
  const dead = { truth: 'dead', truth_since: 4000, belief: 'going_down', belief_since: 4500, member: true };
  history.gap({ frames: 20, base: { ...hello.base, t: 5000, routers: { 'router-2': dead } } });
  assert.deepEqual(history.lane('router-2').truth.at(-1), { at: 4000, truth: 'dead', why: '' });
  assert.equal(history.lane('router-2').belief.at(-1).belief, 'going_down');
  assert.deepEqual(history.holes, [{ from: 3000, to: 5000 }]);
  assert.equal(history.now, 5000);
});

const window = (id, open, from, lost) => ({ id, router: 'router-2', fault: 'hang', from, open, t_detect_s: open ? null : 2, in_flight: 0, window: lost });

test('after a gap, the windows that are open are those of its base, and one that was closed in it is none of a later gap', () => {
  const { hello } = told({ routers: 2, seconds: 1 });
  const lane = (more) => ({ truth: 'up', truth_since: 0, belief: 'up', belief_since: 0, member: true, ...more });
  const base = { ...hello.base, t: 3_600_000, routers: { 'router-2': lane({ truth_since: 20_000, belief_since: 25_000 }) } };
  for (const reconnected of [false, true]) {
    const history = new History();
    history.begin(hello);
    history.apply({ seq: 0, t: 1000, truth: [{ router: 'router-2', at: 900, truth: 'dead', why: 'kill' }], windows: [window('w1', true, 900, 777), window('w0', false, 100, 9)] });
    // In it the router was noticed, restarted, used again; another window has opened.
    const told = { ...base, windows: [window('w2', true, 3_599_000, 4)] };
    if (reconnected) history.begin({ ...hello, first_seq: 36_001, base: told });
    else history.gap({ frames: 36_000, base: told });
    assert.deepEqual([...history.windows.keys()].sort(), ['w0', 'w2']);
    history.apply({ seq: 36_001, t: 3_600_100, truth: [{ router: 'router-2', at: 3_600_050, truth: 'dead', why: 'kill' }], windows: [window('w2', false, 3_599_000, 5), window('w3', true, 3_600_050, 3)] });
    history.apply({ seq: 36_002, t: 3_602_100, belief: [{ router: 'router-2', at: 3_602_050, belief: 'down', by: 'poll', why: '' }], windows: [window('w3', false, 3_600_050, 12)] });
    const last = gaps(history.lane('router-2')).at(-1);
    assert.equal(lostIn(windowOf(byRouter(history.windows).get('router-2'), last, history.now)), 12);
  }
});

test('a page that comes when a window is open knows of it', () => {
  const { hello } = told({ routers: 2, seconds: 1 });
  const history = new History();
  history.begin({ ...hello, first_seq: 100, base: { ...hello.base, t: 5000, windows: [window('w1', true, 4000, 7)] } });
  assert.equal(history.windows.get('w1').window, 7);
});

test('lines are bounded in the first hour, too', () => {
  const { hello } = told({ seconds: 1 });
  const history = new History();
  history.begin(hello);
  for (let seq = 0; seq < 5000; seq++) history.apply({ seq, t: (seq + 1) * 100, log: [0, 1, 2].map((n) => ({ at: seq * 100 + n, tone: 'plain', text: 'x' })) });
  assert.ok(history.log.length >= 5000 && history.log.length <= 10_000, `${history.log.length}`);
  assert.equal(history.log.at(-1).at, 499_902);
  assert.equal(history.logged, 15_000);
});

test('a reader that comes back too late begins at what is kept', () => {
  const { hello, frames } = told({ routers: 2, seconds: 20, seed: 1 });
  const history = heard({ hello, frames: frames.slice(0, 30) });
  history.begin({ ...hello, first_seq: 80, base: { ...hello.base, t: 8000 } });
  for (const frame of frames.slice(80)) history.apply(frame);
  assert.equal(history.dropped, 50);
  assert.deepEqual(history.holes, [{ from: 3000, to: 8000 }]);
});

test('an hour is kept and no more, and the state at its beginning is known', () => {
  const history = new History();
  history.begin(told({ routers: 1, seconds: 1 }).hello);
  const minutes = 130;
  for (let minute = 0; minute < minutes; minute++) {
    const t = (minute + 1) * 60_000;
    history.apply({
      seq: minute, t, out: [[t / BUCKET_MS - 1, { ok: 1 }]], attempts: [['router-1', t / BUCKET_MS - 1, 1]], latency: [[160, 1]],
      checks: [['router-1', t - 2, t - 1, 'ok']], truth: [{ router: 'router-1', at: t, truth: minute % 2 ? 'up' : 'dead', why: '' }],
      windows: [{ id: `w${minute}`, router: 'router-1', from: t, open: false }],
      log: [{ at: t, tone: 'plain', text: 'x' }],
    });
  }
  const kept = HOUR_MS / 60_000 + 1;
  const lane = history.lane('router-1');
  assert.ok(lane.truth.length <= kept && lane.truth[0].at <= history.now - HOUR_MS);
  assert.equal(history.outcomes(0, history.now)[0], kept - 1);
  assert.ok(lane.checks.length <= kept && lane.checks.length >= kept - 1);
  assert.ok(history.windows.size <= kept && history.log.length <= kept);
  assert.equal(history.logged, minutes);
  const bins = new Float64Array(512);
  assert.ok(history.latency.merge(0, history.now, bins) <= kept);
  history.apply({ seq: minutes, t: minutes * 60_000, out: [[0, { ok: 7 }]] });
  assert.equal(history.out.get(0, 0), 0, 'what is too old is not counted again');
  assert.ok(history.out.pages.size <= 62);
});

test('a router that left stays as long as it can be seen', () => {
  const { hello } = told({ routers: 12, seconds: 1 });
  const history = new History();
  history.begin(hello);
  history.apply({ seq: 0, t: 60_000, members: [['router-2', false]] });
  assert.deepEqual(history.names(0).slice(0, 3), ['router-1', 'router-2', 'router-3']);
  assert.deepEqual(history.names(60_000).slice(0, 3), ['router-1', 'router-3', 'router-4']);
});

test('an open tab holds an hour, however long it is open', () => {
  const history = new History();
  history.begin({ epoch: 'a', first_seq: 0, slo: 0.99, base: { t: 0, routers: {} } });
  const after = (hours) => {
    for (let seq = history.next; history.now < hours * HOUR_MS; seq++) history.apply(second(seq));
    const { windows, log, holes, settingsChanges, routers } = history;
    const turns = [...routers.values()].flatMap(({ truth, belief }) => [...truth, ...belief]).length;
    return { arrays: bytesOf(history), things: windows.size + log.length + holes.length + settingsChanges.length + turns };
  };
  const hour = after(1);
  const { arrays, things } = after(2.2);
  assert.ok(arrays < hour.arrays * 1.05, `${arrays} bytes after two hours, ${hour.arrays} after one`);
  assert.ok(things < hour.things * 1.1, `${things} after two hours, ${hour.things} after one`);
});

/** A second in which a bit of everything happens. */
function second(seq) {
  const t = (seq + 1) * 1000;
  const router = `router-${seq % 5}`;
  const window = { id: `w${seq}`, router, from: t - 900, open: false, t_detect_s: 0.5, in_flight: 0, window: 1 };
  return {
    seq, t, windows: [window], log: [{ at: t, tone: 'bad', text: router }],
    truth: [{ router, at: t - 900, truth: seq % 2 ? 'up' : 'dead', why: '' }], belief: [{ router, at: t - 400, belief: seq % 2 ? 'up' : 'down', by: 'poll', why: '' }],
    checks: [[router, t - 10, t - 5, seq % 3 ? 'ok' : 'refused']], out: [[seq * 10, { ok: 9, reset: 1 }]], attempts: [[router, seq * 10, 1]],
    latency: [[100 + (seq % 50), 9]], settings: { fall: seq },
  };
}

/** Of all arrays of numbers below an object. */
function bytesOf(object) {
  if (ArrayBuffer.isView(object)) return object.buffer.byteLength;
  if (object === null || typeof object !== 'object') return 0;
  const below = object instanceof Map ? [...object.values()] : Object.values(object);
  return below.reduce((sum, each) => sum + bytesOf(each), 0);
}
