// PURE: the last hour of the lab, as the frames told it.

import { Buckets } from './buckets.js';
import { Checks } from './checks.js';
import { byName } from './format.js';
import { Histograms } from './histograms.js';

export const BUCKET_MS = 100;
export const HOUR_MS = 3_600_000;
/** What clients can get, in the order in which it is stacked: the index is the kind in `out`. */
export const OUTCOMES = ['ok', 'reset', 'eof', 'refused', 'http_502', 'http_503', 'http_504', 'http_other', 'timeout', 'other'];
const OTHER = OUTCOMES.length - 1;
const LOG_LINES = 5000;
const TRIM_EVERY_MS = 10_000;

export class History {
  /** All names in their order; `null` when one has come or gone. */
  #names = null;

  constructor() {
    this.epoch = null;
    /** Grows with everything that is heard: whoever has drawn this version has nothing to do. */
    this.version = 0;
    this.#clear();
  }

  /** The first thing heard on a connection. Another epoch is another lab: nothing that was known holds for it. */
  begin(hello) {
    this.version++;
    if (hello.epoch !== this.epoch) {
      this.#clear();
      this.epoch = hello.epoch;
      this.next = hello.first_seq;
      this.began = hello.base.t;
      this.#rebase(hello.base);
    } else if (hello.first_seq > this.next) {
      this.#hole(hello.base.t);
      this.#rebase(hello.base);
    }
    this.hello = hello;
    this.slo = hello.slo;
    this.now = Math.max(this.now, hello.base.t);
  }

  /** One frame; false if it was known. */
  apply(frame) {
    if (frame.seq < this.next) return false;
    if (frame.seq > this.next) {
      this.lost += frame.seq - this.next;
      if (!this.missing) this.#hole(frame.t - BUCKET_MS);
    }
    if (this.holes.at(-1)?.to === null) this.holes.at(-1).to = frame.t - BUCKET_MS;
    this.missing = 0;
    this.next = frame.seq + 1;
    this.now = Math.max(this.now, frame.t);
    for (const { router, ...change } of frame.truth ?? []) this.#turn(this.lane(router), 'truth', change);
    for (const { router, ...change } of frame.belief ?? []) this.#turn(this.lane(router), 'belief', change);
    for (const [router, started, ended, result] of frame.checks ?? []) this.lane(router).checks.add(started, ended, result);
    for (const [bucket, counts] of frame.out ?? []) {
      for (const outcome in counts) this.out.add(bucket, kindOf(outcome), counts[outcome]);
    }
    for (const [router, bucket, count] of frame.attempts ?? []) this.lane(router).failed.add(bucket, 0, count);
    if (frame.latency) this.latency.add(frame.t, frame.latency);
    for (const window of frame.windows ?? []) this.windows.set(window.id, window);
    for (const [router, present] of frame.members ?? []) this.#member(this.lane(router), present, frame.t);
    for (const line of frame.log ?? []) this.log.push(line);
    if (this.log.length > 2 * LOG_LINES) this.log.splice(0, this.log.length - LOG_LINES);
    this.logged += frame.log?.length ?? 0;
    if (frame.settings !== undefined) this.#set(frame.settings, frame.t);
    for (const name of ['totals', 'preset', 'theory']) if (frame[name] !== undefined) this[name] = frame[name];
    this.version++;
    if (this.now - this.trimmed >= TRIM_EVERY_MS) this.#trim();
    return true;
  }

  /** Frames that were not heard. How many they are counts once: when the next frame's `seq` has come, that says it. */
  gap(gap) {
    this.missing = Math.max(this.missing, gap.frames);
    this.#hole(gap.base?.t ?? null);
    if (gap.base) this.#rebase(gap.base);
    this.version++;
  }

  /** Frames lost in gaps. */
  get dropped() {
    return this.lost + this.missing;
  }

  /** Names in the order that people expect; without those that had left before `from`. */
  names(from = -Infinity) {
    this.#names ??= [...this.routers.keys()].sort(byName);
    return this.#names.filter((name) => {
      const { left } = this.routers.get(name);
      return left === null || left > from;
    });
  }

  /** The lane of a router, which may be new. */
  lane(name) {
    let lane = this.routers.get(name);
    if (!lane) {
      lane = { name, truth: [], belief: [], checks: new Checks(), failed: new Buckets(1, { coarse: true }), member: true, left: null, turns: 0 };
      lane.failed.forget(this.out.oldest);
      this.routers.set(name, lane);
      this.#names = null;
    }
    return lane;
  }

  /** Requests by outcome whose intended time is in [from, to), in whole buckets. */
  outcomes(from, to) {
    const sums = new Float64Array(OUTCOMES.length);
    this.out.sum(Math.max(0, Math.floor(from / BUCKET_MS)), Math.ceil(to / BUCKET_MS), sums);
    return sums;
  }

  /** The settings in force at a time; null where they are not known. */
  settingsAt(time) {
    return this.settingsChanges.findLast(({ at }) => at <= time)?.settings ?? null;
  }

  /** Share that succeeded in [from, to); null where nothing was due. */
  success(from, to) {
    const sums = this.outcomes(from, to);
    const all = sums.reduce((sum, count) => sum + count, 0);
    return all ? sums[0] / all : null;
  }

  #clear() {
    this.#names = null;
    this.routers = new Map();
    this.out = new Buckets(OUTCOMES.length, { coarse: true });
    this.latency = new Histograms();
    this.windows = new Map();
    this.log = [];
    /** Lines ever heard: `log` has the last of them. */
    this.logged = 0;
    /** Stretches of which nothing is known: {from, to}; to is null until something is heard again. */
    this.holes = [];
    this.totals = null;
    this.settings = null;
    /** {at, settings}, in the order of time. */
    this.settingsChanges = [];
    this.preset = null;
    this.theory = null;
    this.slo = null;
    this.hello = null;
    this.now = 0;
    /** Before it, nothing is known. */
    this.began = 0;
    this.next = 0;
    this.lost = 0;
    this.missing = 0;
    this.trimmed = 0;
  }

  #rebase(base) {
    for (const [name, state] of Object.entries(base.routers ?? {})) {
      const lane = this.lane(name);
      if (lane.truth.at(-1)?.truth !== state.truth) this.#turn(lane, 'truth', { at: state.truth_since, truth: state.truth, why: '' });
      if (lane.belief.at(-1)?.belief !== state.belief) {
        this.#turn(lane, 'belief', { at: state.belief_since, belief: state.belief, by: '', why: '' });
      }
      this.#member(lane, state.member, base.t);
    }
    this.#reopen(base.windows ?? []);
    if (base.settings != null) this.#set(base.settings, base.t);
    for (const name of ['totals', 'preset', 'theory']) if (base[name] != null) this[name] = base[name];
    this.now = Math.max(this.now, base.t);
  }

  /** Windows that are open now; of one that was closed in a gap nobody here knows what it cost. */
  #reopen(open) {
    const still = new Set(open.map(({ id }) => id));
    for (const [id, window] of this.windows) if (window.open && !still.has(id)) this.windows.delete(id);
    for (const window of open) this.windows.set(window.id, window);
  }

  /** Changes are stamped by whoever saw them and may be heard out of order; the reason of a death comes after it. */
  #turn(lane, what, change) {
    const changes = lane[what];
    let at = changes.length;
    while (at > 0 && changes[at - 1].at > change.at) at--;
    const before = changes[at - 1];
    const again = before !== undefined && before.at === change.at && before[what] === change[what];
    changes.splice(again ? at - 1 : at, again ? 1 : 0, change);
    lane.turns++;
  }

  #set(settings, at) {
    this.settings = settings;
    this.settingsChanges.push({ at, settings });
  }

  #member(lane, present, at) {
    if (lane.member && !present) lane.left = at;
    if (present) lane.left = null;
    lane.member = present;
  }

  #hole(to) {
    const open = this.holes.at(-1);
    if (open && open.to === null) open.to = to;
    else if (to === null || to > this.now) this.holes.push({ from: this.now, to });
  }

  #forget(name) {
    this.routers.delete(name);
    this.#names = null;
  }

  #trim() {
    this.trimmed = this.now;
    const horizon = this.now - HOUR_MS;
    if (horizon <= 0) return;
    this.began = Math.max(this.began, horizon);
    const bucket = Math.floor(horizon / BUCKET_MS);
    this.out.forget(bucket);
    this.latency.forget(horizon);
    for (const [name, lane] of this.routers) {
      if (lane.left !== null && lane.left < horizon) this.#forget(name);
      lane.checks.forget(horizon);
      lane.failed.forget(bucket);
      for (const changes of [lane.truth, lane.belief]) {
        // The last change before the horizon says what was true at it.
        const first = changes.findLastIndex((change) => change.at <= horizon);
        if (first > 0) changes.splice(0, first);
      }
    }
    const settings = this.settingsChanges.findLastIndex((change) => change.at <= horizon);
    if (settings > 0) this.settingsChanges.splice(0, settings);
    for (const [id, window] of this.windows) if (!window.open && window.from < horizon) this.windows.delete(id);
    this.holes = this.holes.filter((hole) => hole.to === null || hole.to > horizon);
    const old = this.log.findIndex((line) => line.at >= horizon);
    this.log.splice(0, Math.max(old < 0 ? this.log.length : old, this.log.length - LOG_LINES));
  }
}

function kindOf(outcome) {
  const kind = OUTCOMES.indexOf(outcome);
  return kind < 0 ? OTHER : kind;
}
