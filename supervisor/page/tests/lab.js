// A lab that never was: what `resetlab up` would tell of N routers over T seconds with kills, hangs, a router that
// answers its checks too late, and load. Seeded: the same arguments, the same frames. The first that it yields is the
// `hello`, all others are frames. Checks are spread over the interval, next one armed from the start of the one before.

const CHECK = { interval: 1000, timeout: 400, fall: 3, rise: 2 };
const CLIENT_TIMEOUT = 5000;
const FAULT_EVERY = 12_000;
const DEAD_FOR = 6000;

export function* lab({ routers = 4, seconds = 60, seed = 1, rate = 200, faultEvery = FAULT_EVERY, epoch = `lab-${seed}` } = {}) {
  const dice = new Dice(seed);
  const fleet = Array.from({ length: routers }, (_, i) => new Router(`router-${i + 1}`, (CHECK.interval / routers) * i));
  const totals = { sent: 0, ok: 0, lost: 0, by_outcome: {}, budget_left: null };
  const theory = { checks_per_s: routers, kill: bounds(2, 3), hang: bounds(2.4, 3.4) };
  const settings = { interval: '1s', timeout: '400ms', fall: 3, rise: 2, detector: 'poll', rate, 'restart-delay': '6s' };
  yield {
    schema: 'resetlab.page.v1', version: '0.0.0', epoch, lab: 'test', engine: 'lb-sim', program: 'resetlab', url: 'http://127.0.0.1:0/',
    started_wall: '2026-01-01T12:00:00Z', now: 0, first_seq: 0, next_seq: seconds * 10,
    base: {
      t: 0, totals, settings, preset: 'haproxy', theory,
      routers: Object.fromEntries(fleet.map(({ name }) => [name, { truth: 'up', truth_since: 0, belief: 'up', belief_since: 0, member: true }])),
    },
    live_keys: ['interval', 'timeout', 'fall', 'rise', 'detector', 'rate'], slo: 0.999, budget_days: 30,
  };
  const world = { fleet, dice, totals, rate, late: [], windows: 0, mistakes: 0, nextFault: 4000, faults: 0, faultEvery };
  for (let seq = 0; seq < seconds * 10; seq++) yield frame(world, seq);
}

class Router {
  constructor(name, phase) {
    Object.assign(this, { name, nextCheck: phase, truth: 'up', belief: 'up', failures: 0, passes: 0, pending: null, healAt: Infinity, slowUntil: 0, goneAt: 0, window: null, mistake: null });
  }

  get used() {
    return this.belief === 'up' || this.belief === 'going_down';
  }
}

/** What happened in [from, from + 100). */
function frame(world, seq) {
  const from = seq * 100;
  const to = from + 100;
  const told = { seq, t: to, truth: [], belief: [], checks: [], out: [], attempts: [], latency: [], windows: [], mistakes: [], log: [] };
  if (from >= world.nextFault) inject(world, told, from + digits(world.dice.next() * 100));
  for (const router of world.fleet) {
    if (router.healAt < to) heal(world, told, router, router.healAt);
    check(world, told, router, to);
  }
  serve(world, told, seq, to);
  for (const router of world.fleet) report(told, router, to);
  if (seq % 10 === 9) told.totals = { ...world.totals, by_outcome: { ...world.totals.by_outcome } };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}

function inject(world, told, at) {
  world.nextFault += world.faultEvery;
  const router = world.fleet[Math.floor(world.dice.next() * world.fleet.length)];
  if (router.truth !== 'up' || router.belief !== 'up') return;
  const kind = world.faults++ % 4;
  if (kind === 3) {
    router.slowUntil = at + CHECK.interval * (CHECK.fall + 0.5);
    return;
  }
  const fault = kind === 1 ? 'hang' : 'kill';
  turn(told, router, at, fault === 'hang' ? 'hung' : 'dead', fault);
  router.healAt = at + DEAD_FOR;
  router.goneAt = at;
  router.window = {
    id: `w${++world.windows}`, router: router.name, fault, from: at, open: true, t_detect_s: null, detected_by: null,
    predicted_t_detect_s: predicted(router, at, fault), t_stop_s: null, in_flight: 0, window: 0, by_outcome: {}, causes: {}, saved_by_retry: 0,
  };
  told.log.push({ at, tone: 'bad', text: `${router.name} ${fault === 'hang' ? 'hung' : 'killed'}` });
}

function predicted(router, at, fault) {
  const first = router.nextCheck >= at ? router.nextCheck : router.nextCheck + CHECK.interval;
  return digits(first - at + (CHECK.fall - 1) * CHECK.interval + (fault === 'hang' ? CHECK.timeout : 0.3)) / 1000;
}

function heal(world, told, router, at) {
  if (router.truth === 'dead') {
    turn(told, router, at, 'starting', 'restarted');
    router.healAt = at + 300;
    return;
  }
  turn(told, router, at, 'up', router.truth === 'hung' ? 'resumed' : 'ready');
  router.healAt = Infinity;
}

function check(world, told, router, to) {
  if (router.pending && router.pending.ends < to) {
    const { started, ends, result } = router.pending;
    router.pending = null;
    told.checks.push([router.name, started, ends, result]);
    judge(world, told, router, ends, result);
  }
  if (router.nextCheck >= to || router.pending) return;
  const started = digits(router.nextCheck);
  router.nextCheck += CHECK.interval;
  const truth = started < router.goneAt ? 'up' : router.truth;
  const late = truth === 'hung' || started < router.slowUntil;
  const result = late ? 'timeout' : truth === 'dead' || truth === 'starting' ? 'refused' : 'ok';
  router.pending = { started, ends: digits(started + (late ? CHECK.timeout : 0.2 + world.dice.next())), result };
  check(world, told, router, to);
}

function judge(world, told, router, at, result) {
  const passed = result === 'ok';
  router.failures = passed ? 0 : router.failures + 1;
  router.passes = passed ? router.passes + 1 : 0;
  let belief = router.belief;
  if (passed) belief = router.used || router.passes >= CHECK.rise ? 'up' : 'going_up';
  else if (router.used) belief = router.failures >= CHECK.fall ? 'down' : 'going_down';
  else belief = 'down';
  if (belief === router.belief) return;
  const wasUsed = router.used;
  router.belief = belief;
  told.belief.push({ router: router.name, at, belief, by: 'poll', why: passed ? `${router.passes} of ${CHECK.rise}` : `${result}, ${router.failures} of ${CHECK.fall}` });
  if (wasUsed && !router.used && router.truth === 'up') {
    router.mistake = { id: `m${++world.mistakes}`, router: router.name, from: at, to: null, by: 'poll' };
    told.mistakes.push({ ...router.mistake });
  } else if (router.used && router.mistake) {
    told.mistakes.push({ ...router.mistake, to: at });
    router.mistake = null;
  }
  if (router.window && belief === 'down') {
    Object.assign(router.window, { t_detect_s: digits(at - router.window.from) / 1000, detected_by: 'poll', t_stop_s: digits(at - router.window.from - 4) / 1000, open: false });
    told.log.push({ at, tone: 'warning', text: `${router.name} is believed down` });
  }
}

function serve(world, told, seq, to) {
  const { dice, fleet, totals } = world;
  const used = fleet.filter((router) => router.used);
  const counts = { ok: 0 };
  const bins = new Map();
  for (let due = dice.poisson(world.rate / 10); due > 0; due--) {
    const router = used[Math.floor(dice.next() * used.length)];
    totals.sent++;
    if (!router) counts.http_503 = (counts.http_503 ?? 0) + 1;
    else if (router.truth === 'hung') world.late.push({ ends: to + CLIENT_TIMEOUT, bucket: seq, router });
    else if (router.truth === 'dead' || router.truth === 'starting') {
      const outcome = dice.next() < 0.9 ? 'reset' : 'eof';
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      lose(told, router, seq, outcome);
    } else {
      counts.ok++;
      const ms = 2 * Math.exp(0.5 * dice.normal()) * (to <= router.slowUntil ? 30 : 1) + (dice.next() < 0.004 ? 40 * dice.next() : 0);
      const bin = Math.floor(16 * Math.log2(ms * 1000));
      bins.set(bin, (bins.get(bin) ?? 0) + 1);
    }
  }
  told.out.push([seq, counts]);
  told.latency = [...bins].sort((a, b) => a[0] - b[0]);
  while (world.late.length && world.late[0].ends < to) {
    const { bucket, router } = world.late.shift();
    told.out.push([bucket, { timeout: 1 }]);
    lose(told, router, bucket, 'timeout');
  }
  for (const [, got] of told.out) {
    for (const [outcome, count] of Object.entries(got)) {
      if (outcome === 'ok') totals.ok += count;
      else {
        totals.lost += count;
        totals.by_outcome[outcome] = (totals.by_outcome[outcome] ?? 0) + count;
      }
    }
  }
}

function lose(told, router, bucket, outcome) {
  told.attempts.push([router.name, bucket, 1]);
  if (!router.window) return;
  router.window.window++;
  router.window.by_outcome[outcome] = (router.window.by_outcome[outcome] ?? 0) + 1;
  router.window.grown = true;
}

function report(told, router, to) {
  if (!router.window || to < router.window.from) return;
  const { grown, ...window } = router.window;
  if (grown || window.open || !router.window.closed) told.windows.push({ ...window, by_outcome: { ...window.by_outcome } });
  router.window.grown = false;
  if (!window.open) Object.defineProperty(router.window, 'closed', { value: true, configurable: true });
}

function turn(told, router, at, truth, why) {
  router.truth = truth;
  told.truth.push({ router: router.name, at, truth, why });
}

const digits = (ms) => Math.round(ms * 1000) / 1000;
const bounds = (min, max) => ({ t_detect_s: { min, mean: (min + max) / 2, max }, lost_per_trial: null });

/** Numbers that only look random. */
export class Dice {
  constructor(seed) {
    this.state = BigInt(seed) * 2n + 1n;
  }

  /** In [0, 1). A linear congruence of 64 bits, of which the upper ones are used. */
  next() {
    this.state = (this.state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(this.state >> 32n) / 2 ** 32;
  }

  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** Counts with that mean; by the normal curve, which is near enough for load. */
  poisson(mean) {
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
  }
}
