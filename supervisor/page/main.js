// The page of `resetlab up`: wires what hears the lab, what shows it and what orders it.

import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { startCharts } from './charts.js';
import { Command } from './command.js';
import { Control, findToken } from './control.js';
import { say } from './dom.js';
import { Edition } from './edition.js';
import { Header } from './header.js';
import { History } from './history.js';
import { startKeys } from './keys.js';
import { LabClock } from './labclock.js';
import { Log } from './log.js';
import { startLook } from './look.js';
import { startOrder } from './order.js';
import { Settings } from './settings.js';
import { Stream } from './stream.js';
import { Timebar } from './timebar.js';
import { View } from './view.js';
import { WhatIf } from './whatif.js';

const TICK_MS = 1000;
const HEARS = { live: 'Connected to the lab.', silent: 'Nothing is heard from the lab.', reconnecting: 'The lab is not heard; reconnecting.', ended: 'The lab has ended.' };
const $ = (id) => document.getElementById(id);

startLook($('look'), $('dark'));
startOrder(document.querySelector('.settings'), document.querySelector('.top'), document.querySelector('main'));
const clock = new LabClock();
const edition = new Edition(storage(), () => location.reload());
const control = new Control(findToken(location, window.history, storage()), undefined, {
  storage: storage(), labTime: () => clock.time(performance.now()), late: (words) => command.doing(words), forbidden,
});
const history = new History();
const view = new View(history);
const program = () => history.hello?.program ?? 'resetlab';
const command = new Command($('command'), storage());
const orders = control.allowed;

const header = new Header({ where: $('lab'), figures: $('figures'), connection: $('connection'), late: $('late'), hint: $('hint') });
const settings = new Settings($('settings'), { control, command, program });
const whatIf = new WhatIf({ place: $('whatif'), buttons: $('whatif-buttons'), control, command, program });
const log = new Log({ place: $('log'), filters: $('log-filters'), pick, calm: `Nothing has happened yet${orders ? ': kill a router' : ''}.` });
const timebar = new Timebar($('time'), view);
const announcer = new Announcer();
const truth = (router) => history.routers.get(router)?.truth.at(-1)?.truth ?? null;
const actions = new Actions({ control, command, program, truth });
const hosts = { lanes: $('lanes'), outcomes: $('outcomes'), latency: $('latency') };
const charts = startCharts(hosts, history, view, {
  laneActions: (router) => actions.of(router),
  tell: (words) => say($('announcer'), words),
  drew: () => header.update(history, stream, performance.now()),
});

const stream = new Stream({
  hello(hello, heard) {
    if (!edition.hear(hello)) return command.note('This page is of another version than this lab: load it again.');
    const before = history.epoch;
    history.begin(hello);
    if (hello.epoch !== before) clock.begin();
    clock.hear(hello.now, heard);
    if (hello.epoch === before) return;
    control.program = hello.program;
    control.begin(hello.epoch);
    announcer.begin(hello.next_seq);
    actions.begin();
    settings.begin(hello);
    whatIf.begin(hello);
    command.begin(hello.epoch);
    if (before !== null) anew(hello);
    else if (!control.allowed) command.note(`${control.why}.`);
  },
  frame(frame, heard) {
    if (!edition.fits) return;
    clock.hear(frame.t, heard);
    if (history.apply(frame)) announcer.hear(frame);
  },
  gap: (gap) => edition.fits && history.gap(gap),
  // Orders that wait for a router go on while nobody looks; drawing does not.
  applied(drawable) {
    actions.update();
    const news = announcer.news();
    if (news) say($('announcer'), news);
    charts.wake();
    if (drawable) show();
  },
  state({ is }) {
    say($('announcer'), HEARS[is]);
    if (is === 'ended') end();
    header.update(history, stream, performance.now());
    show();
  },
});
stream.open();
setInterval(() => {
  if (document.hidden) return;
  stream.look();
  header.update(history, stream, performance.now());
}, TICK_MS);
// The whole URL of a lab in a tab that shows it already changes nothing but this.
addEventListener('hashchange', () => new URLSearchParams(location.hash.slice(1)).has('token') && location.reload());

startKeys($('keys'), [
  [' ', 'pause, or go live', () => timebar.toggle()],
  ['b', 'back from a zoom', () => view.back()],
  ['+', 'a shorter span', () => timebar.step(-1)],
  ['-', 'a longer span', () => timebar.step(1)],
  ['/', 'filter the events', () => log.text.focus()],
  ['s', 'the settings', () => document.querySelector('.settings :is(input, select):enabled')?.focus()],
  ['t', 'light or dark', () => $('look').click()],
  ['← →', 'in a chart: move the crosshair, further with Shift'],
  ['↑ ↓', 'in a chart: the next router'],
  ['Escape', 'forget the router and the moment that are selected', forget],
]);

function show() {
  settings.update(history.settings);
  whatIf.update(history);
  log.update(history);
}

/** Another lab is heard at the same address: nothing of the one before is left. */
function anew(hello) {
  view.resume();
  forget();
  const words = `This is another lab now, started at ${hello.started_wall.replace(/\.\d+/, '')}: what was shown of the one before is gone.`;
  say($('announcer'), words);
  command.note(control.allowed ? words : `${words} ${control.why}.`);
}

/** The lab does not take this page's token. */
function forbidden() {
  actions.show();
  settings.end();
  show();
  command.failed(`${control.why}.`);
}

/** Where there is none, this page keeps nothing. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** What it told stays here until this page is closed or loaded again; there is nobody left to be told. */
function end() {
  control.end();
  actions.show();
  settings.end();
  whatIf.end();
  command.note('The lab has ended: nothing can be ordered any more. What it told stays here until this page is closed or loaded again.');
}

function forget() {
  view.select(null);
  view.setCrosshair(null);
}

/** A line of the log points at its moment and its router. */
function pick(at, router) {
  if (at < view.from || at > view.to) view.zoom(at - view.span / 2, at + view.span / 2);
  view.setCrosshair(at);
  if (router) view.select(router);
}

// For a console, and for tests: what the page knows.
export { history, stream, view };
