// PURE: what a router was, what was believed of it, and where the two differ.

const SERVES = new Set(['up', 'slow', 'draining']);
const USED = new Set(['up', 'going_down']);

/** The last change at or before `time`; null before the first. */
export function changeAt(changes, time) {
  return changes[indexAt(changes, time)] ?? null;
}

/** Its index; -1 before the first. */
function indexAt(changes, time) {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle].at <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Calls `visit(change, start, end)` for each that holds for some time of [from, to]; the last one holds until `to`. */
export function eachSpan(changes, from, to, visit) {
  for (let i = Math.max(0, indexAt(changes, from)); i < changes.length && changes[i].at < to; i++) {
    const end = i + 1 < changes.length ? Math.min(changes[i + 1].at, to) : to;
    if (end > from && end > changes[i].at) visit(changes[i], Math.max(changes[i].at, from), end);
  }
}

/**
 * Where truth and belief differ: `window`: the balancer uses what does not serve; `mistake`: it left a router that was
 * up; `lag`: the router is up again and not yet used. A gap that goes on has no `to`; `ended` is whose change ended it.
 */
export function gaps(lane) {
  if (lane.gaps?.turns === lane.turns) return lane.gaps.list;
  const list = [];
  let open = null;
  /** Since when something is amiss, and the gaps since then. */
  let since = null;
  let around = [];
  for (const { at, truth, belief, turned } of moments(lane)) {
    if (truth !== 'up' || belief !== 'up') since ??= at;
    else {
      for (const gap of around) gap.amiss.to = at;
      since = null;
      around = [];
    }
    const kind = difference(truth, belief, turned, open);
    if (kind === open?.kind) continue;
    if (open) {
      open.to = at;
      open.ended = turned;
      if (open.to === open.from) list.pop();
    }
    open = kind && { kind, from: at, to: null, truth, amiss: { from: since, to: null } };
    if (open) list.push(open), around.push(open);
  }
  lane.gaps = { turns: lane.turns, list };
  return list;
}

function difference(truth, belief, turned, open) {
  // One that the fleet has let go is nobody's.
  if (belief === undefined || belief === 'unknown' || belief === 'absent' || truth === undefined) return null;
  const used = USED.has(belief);
  // It is not there yet, as the balancer may well think: no gap begins with that, and none ends.
  if (truth === 'starting') return used && open?.kind === 'window' ? 'window' : null;
  if (!SERVES.has(truth)) return used ? 'window' : null;
  if (used || truth !== 'up') return null;
  if (open?.kind === 'lag' || open?.kind === 'mistake') return open.kind;
  return turned === 'truth' ? 'lag' : 'mistake';
}

/** Both lists as one; of two changes at the same time, what the router did comes first. */
function* moments({ truth, belief }) {
  let t = 0;
  let b = 0;
  while (t < truth.length || b < belief.length) {
    const turned = b >= belief.length || (t < truth.length && truth[t].at <= belief[b].at) ? 'truth' : 'belief';
    const { at } = turned === 'truth' ? truth[t++] : belief[b++];
    yield { at, truth: truth[t - 1]?.truth, belief: belief[b - 1]?.belief, turned };
  }
}

/** The stretch around a gap in which something was amiss: from when all was well before it until all was well again. */
export function trouble({ amiss }, now) {
  return { from: amiss.from, to: amiss.to ?? now };
}

/** Windows of each router. */
export function byRouter(windows) {
  const lists = new Map();
  for (const window of windows.values()) {
    const list = lists.get(window.router);
    if (list) list.push(window);
    else lists.set(window.router, [window]);
  }
  return lists;
}

/**
 * The window of `windows` (of that router) that a gap is; null: none was measured. One that began before is it too, if it
 * was not over: a router that drains may be gone before the balancer has noticed. Of several it is the last.
 */
export function windowOf(windows, gap, now) {
  const to = gap.to ?? now;
  const over = ({ from, open, t_detect_s: took }) => (open ? now : from + (took ?? 0) * 1000);
  return windows?.findLast((window) => window.from <= to && (window.from >= gap.from - 5 || over(window) > gap.from + 5)) ?? null;
}

/** All requests that a window cost. */
export const lostIn = (window) => window.in_flight + window.window;
