// The three charts of the page: lanes, outcomes and latency, on one axis of time.

import { AXIS, scene as makeScene } from './axis.js';
import { duration, seconds, wall } from './format.js';
import { Heads } from './heads.js';
import { drawLanes, rowsOf } from './lanes.js';
import { footOf, LatencyChart, QUANTILES } from './latency.js';
import { laneAt } from './layout.js';
import { startKeyboard } from './keyboard.js';
import { drawOutcomes, LEAST_PX } from './outcomes.js';
import { Pointer } from './pointer.js';
import { columnWidth } from './sample.js';
import { Stage, style } from './stage.js';
import { startStyle } from './style.js';
import { outcomesAt, reasonAt, standing, summarizeLanes, summarizeLatency, summarizeOutcomes } from './summary.js';
import { Theme } from './theme.js';

/** What is heard is drawn at most that often; what somebody does is drawn at once. */
const HEARD_EVERY_MS = 95;
const SLOWEST_MS = 1000;
const SUMMARY_EVERY_MS = 1000;
const NARROW = 560;
/** Room for what can be done to one router where lanes have none: in one row, for fingers, and below its name. */
const BAR = 28;
const TOUCH_BAR = 44;
const NARROW_BAR = 64;
const TOUCH = matchMedia('(pointer: coarse)');
const WIDE_MARGINS = { left: 214, right: 92 };
/** Names only. */
const LEAN_MARGINS = { left: 142, right: 92 };
const NARROW_MARGINS = { left: 64, right: 10 };
const KEPT_TIMES = 1024;

/**
 * Draws into the three hosts until `stop()`, and only when there is something to draw: `wake()` says that the history has
 * grown, everything else is noticed. `laneActions(router)` is the element with what can be done to a router.
 * `tell(words)` is for those who hear the page: what keys have come to. `drew()` is called after each drawing: what is written elsewhere is then of the same moment.
 * `drawn` tells how long the last drawings took, in milliseconds, for whoever measures them.
 */
export function startCharts(hosts, history, view, { laneActions, drew = () => {}, tell = () => {} }) {
  const charts = new Charts(hosts, history, view, laneActions, drew, tell);
  charts.start();
  return charts;
}

class Charts {
  constructor({ lanes, outcomes, latency }, history, view, laneActions, drew, tell) {
    startStyle();
    Object.assign(this, { history, view, drew, tell, theme: new Theme(), latencyChart: new LatencyChart() });
    this.drawn = { count: 0, times: new Float32Array(KEPT_TIMES) };
    this.hosts = [lanes, outcomes, latency];
    for (const host of this.hosts) {
      host.classList.add('chart-host');
      host.setAttribute('role', 'group');
      host.setAttribute('aria-roledescription', 'chart');
    }
    this.stages = this.hosts.map((host) => new Stage(host));
    this.heads = new Heads(lanes, view, laneActions);
    this.rows = null;
    this.hovered = null;
    this.pointer = new Pointer(view, [
      {
        host: lanes,
        extent: () => {
          const bottom = this.rows.top + this.rows.pitch * this.rows.count;
          return { top: this.rows.top, bottom, text: bottom + AXIS - 1 };
        },
        read: (time) => this.#readTime(time),
        onPoint: (y) => this.#hover(y),
        onClick: (y) => this.#click(y),
      },
      { host: outcomes, extent: () => ({ top: 0, bottom: this.stages[1].height, text: 0 }), read: (time) => this.#readOutcomes(time) },
      { host: latency, extent: () => ({ top: 0, bottom: this.stages[2].height - footOf(this.stages[2].height), text: 0 }), read: (time) => this.#readLatency(time) },
    ]);
    startKeyboard(this.hosts, view, { names: () => this.rows?.names ?? [], now: () => history.now, taken: () => this.pointer.release(), told: () => this.#told() });
  }

  start() {
    const again = () => {
      this.stale = true;
      this.wake();
    };
    this.sizes = new ResizeObserver(again);
    for (const host of this.hosts) this.sizes.observe(host);
    // A theme can change by attribute, by style sheet or by the system's choice, and for paper.
    const anew = () => {
      this.themeStale = true;
      this.wake();
    };
    this.themes = new MutationObserver(anew);
    this.themes.observe(document.documentElement, { attributes: true });
    this.themes.observe(document.head, { attributeFilter: ['media', 'href', 'disabled'], subtree: true });
    const { signal } = (this.ended = new AbortController());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', anew, { signal });
    // A page that is zoomed has other pixels.
    for (const type of ['load', 'afterprint', 'resize']) addEventListener(type, anew, { signal });
    document.addEventListener('visibilitychange', () => this.wake(), { signal });
    const print = () => {
      anew();
      this.#tick(performance.now());
    };
    addEventListener('beforeprint', print, { signal });
    this.view.addEventListener('change', () => this.#pointAgain(), { signal });
    this.themeStale = this.stale = this.viewStale = true;
    Object.assign(this, { heardVersion: -1, heardAt: -Infinity, looked: '', request: null, later: null });
    this.summaries = setInterval(() => document.hidden || this.#summarize(), SUMMARY_EVERY_MS);
    this.wake();
  }

  /** There may be something to draw in the next picture. */
  wake() {
    if (this.ended.signal.aborted) return;
    this.request ??= requestAnimationFrame((now) => {
      this.request = null;
      if (!document.hidden) this.#tick(now);
    });
  }

  stop() {
    cancelAnimationFrame(this.request);
    clearTimeout(this.later);
    clearInterval(this.summaries);
    this.sizes.disconnect();
    this.themes.disconnect();
    this.ended.abort();
  }

  #tick(now) {
    if (this.stale) this.stages.forEach((stage) => stage.measure());
    if (this.themeStale || this.theme.scale !== (devicePixelRatio || 1)) {
      this.stages.forEach((stage) => stage.measure());
      this.theme.read(this.hosts[0], devicePixelRatio || 1);
      this.stale = true;
    }
    this.themeStale = false;
    const looked = this.#looked();
    const news = this.history.version !== this.heardVersion;
    const wait = this.heardAt + this.#heardEvery() - now;
    const heard = news && wait <= 0;
    const draw = this.stale || heard || looked !== this.looked;
    if (draw) {
      const start = performance.now();
      this.#draw();
      this.drawn.times[this.drawn.count++ % KEPT_TIMES] = performance.now() - start;
      this.drew();
      Object.assign(this, { stale: false, looked, heardVersion: this.history.version, heardAt: heard ? now : this.heardAt });
    }
    if (draw || this.viewStale) {
      this.viewStale = false;
      this.#point();
    }
    if (this.history.version !== this.heardVersion) this.#wakeLater(wait);
  }

  /** What was heard too soon after the last drawing is drawn after a while, with all that is heard until then. */
  #wakeLater(wait) {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.wake();
    }, wait);
  }

  #pointAgain() {
    this.viewStale = true;
    this.wake();
  }

  /** Of an hour, a tenth of a second is a fraction of a pixel. */
  #heardEvery() {
    if (!this.scene) return 0;
    const { from, to, left, right } = this.scene;
    return Math.max(HEARD_EVERY_MS, Math.min(SLOWEST_MS, (to - from) / (right - left) / 2));
  }

  /** What is drawn differs when this does: crosshair and selection are elements above it. */
  #looked() {
    const { live, from, to } = this.view;
    return live ? `live ${Math.round(to - from)}` : `${from} ${to}`;
  }

  #draw() {
    const [lanes, outcomes, latency] = this.stages;
    const { history, view, theme } = this;
    const narrow = lanes.width < NARROW;
    const touch = narrow || TOUCH.matches;
    const beside = rowsOf(history, view, lanes.height, 0);
    this.inBar = touch || !beside.tall;
    const bar = narrow ? NARROW_BAR : touch ? TOUCH_BAR : BAR;
    this.rows = this.inBar ? rowsOf(history, view, lanes.height, bar) : beside;
    const margins = narrow ? NARROW_MARGINS : this.inBar ? LEAN_MARGINS : WIDE_MARGINS;
    Object.assign(this, { margins, touch, narrow });
    for (const [name, is] of Object.entries({ narrow, touch, lean: margins === LEAN_MARGINS })) this.hosts[0].classList.toggle(name, is);
    style(this.hosts[0], '--bar', `${bar - 2}px`);
    this.scene = makeScene(history, view, theme, margins, lanes.width);
    if (lanes.height > AXIS) drawLanes(lanes.clear(), this.scene, this.rows);
    const scene = outcomes.width === lanes.width ? this.scene : makeScene(history, view, theme, margins, outcomes.width);
    if (outcomes.height > AXIS) drawOutcomes(outcomes.clear(), scene, outcomes.height);
    if (latency.height > AXIS) this.latencyChart.draw(latency.clear(), scene, latency.height);
  }

  #point() {
    if (!this.scene) return;
    this.pointer.show(this.scene);
    const { crosshair } = this.view;
    const time = crosshair !== null && crosshair < this.history.now ? crosshair : null;
    const { inBar, touch, narrow, hovered, margins } = this;
    this.heads.show(this.history, this.rows, { width: margins.left, inBar, touch, narrow, time, hovered });
  }

  #hover(y) {
    const index = y === null || !this.rows ? -1 : laneAt(this.rows, y);
    const name = this.rows?.names[index] ?? null;
    if (name === this.hovered) return;
    this.hovered = name;
    this.#pointAgain();
  }

  #click(y) {
    const name = this.rows?.names[laneAt(this.rows, y)] ?? null;
    if (name) this.view.select(this.view.selected === name ? null : name);
  }

  #readTime(time) {
    const clock = this.history.hello ? ` · ${wall(this.history.hello.started_wall, time)}` : '';
    const lane = this.history.routers.get(this.hovered ?? this.view.selected);
    const reason = lane && time <= this.history.now ? reasonAt(lane, time) : '';
    return `${seconds(time)}${clock}${reason ? ` · ${reason}` : ''}`;
  }

  #readOutcomes(time) {
    const { left, right, from, to } = this.scene;
    return time > this.history.now ? '' : outcomesAt(this.history, time, columnWidth(to - from, right - left, LEAST_PX));
  }

  #readLatency(time) {
    if (time > this.history.now) return '';
    return this.#quantiles(time).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${duration(value)}`).join('  ');
  }

  /** What the crosshair says, and what the chosen router is or was there. */
  #told() {
    if (!this.scene) return;
    const { crosshair, selected } = this.view;
    const time = crosshair ?? this.history.now;
    const lane = this.history.routers.get(selected);
    const words = lane ? [`${selected}: ${standing(lane, time).words}`] : [];
    if (crosshair !== null) words.push(this.#readTime(time), this.#readOutcomes(time), this.#readLatency(time));
    this.tell(words.filter(Boolean).join('; '));
  }

  #quantiles(time) {
    const { left, right, from, to } = this.scene;
    const values = this.latencyChart.at(this.history, time, to - from, right - left);
    return QUANTILES.map(([, name], which) => [name, values[which]]);
  }

  #summarize() {
    if (!this.scene) return;
    const words = [summarizeLanes(this.history, this.view), summarizeOutcomes(this.history, this.view), summarizeLatency(this.#quantiles(Math.min(this.view.to, this.history.now)))];
    this.hosts.forEach((host, index) => {
      if (host.getAttribute('aria-label') !== words[index]) host.setAttribute('aria-label', words[index]);
    });
  }
}
