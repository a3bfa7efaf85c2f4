// What can be done to a router, by buttons.

import { able, h, ifAble, mark, say } from './dom.js';
import { forRouter } from './commandline.js';

/** Truths of a process that runs and can be hit. */
const RUNNING = ['up', 'slow', 'erroring', 'silent'];
const TROUBLED = ['slow', 'erroring', 'silent'];

/**
 * One row of buttons a router. `control` sends, `command` is told, `program()` is how the lab's program is called,
 * `truth(router)` what the router is now.
 */
export class Actions {
  #world;
  #rows = new Map();

  constructor(world) {
    this.#world = world;
  }

  /** The buttons of a router: the same ones whenever it is asked. */
  of(router) {
    let row = this.#rows.get(router);
    if (!row) {
      row = new Row(router, this.#world);
      this.#rows.set(router, row);
      row.update();
    }
    return row.element;
  }

  update() {
    for (const row of this.#rows.values()) row.update();
  }

  /** Another lab has routers of these names: what was under way is none of theirs. */
  begin() {
    for (const row of this.#rows.values()) row.begin();
  }

  /** What may be ordered has changed. */
  show() {
    for (const row of this.#rows.values()) row.show();
  }
}

/** PURE: the verbs of the five buttons of a router that is `truth`; `null` in place of what it cannot be told now. */
export function verbs(truth) {
  const running = RUNNING.includes(truth);
  const hung = truth === 'hung';
  const alive = running || hung || truth === 'draining';
  return [
    alive ? 'kill' : null,
    hung ? 'resume' : running ? 'hang' : null,
    running ? 'crash' : null,
    running ? 'drain' : null,
    TROUBLED.includes(truth) ? 'heal' : running || hung || truth === 'dead' ? 'restart' : null,
  ];
}

const NAMES = ['kill', 'hang', 'crash', 'drain', 'restart'];
const HELP = {
  kill: 'SIGKILL: gone at once',
  hang: 'SIGSTOP: it stands still until resumed',
  crash: 'send what gorouter dies of until it does: the article’s bug',
  drain: 'SIGUSR1: unhealthy at once, serves on, then leaves',
  restart: 'drain it (kill it when hung), then start it again',
  resume: 'SIGCONT: it goes on',
  heal: 'end its fault',
};

class Row {
  #router;
  #world;
  #buttons;
  #truth = null;
  #pending = null;
  /** It was told to leave so that it can be started again. */
  #leaving = false;

  constructor(router, world) {
    this.#router = router;
    this.#world = world;
    this.#buttons = NAMES.map((name, index) => h('button', { type: 'button', onclick: ifAble(() => this.#press(index)) }, name));
    this.element = h('div', { class: 'actions', role: 'group', 'aria-label': `Actions on ${router}` }, this.#buttons);
  }

  begin() {
    this.#truth = null;
    this.#leaving = false;
    this.#is(null);
  }

  update() {
    const truth = this.#world.truth(this.#router);
    if (truth === this.#truth) return;
    this.#truth = truth;
    if (this.#leaving) this.#left(truth);
    this.show();
  }

  show() {
    const can = verbs(this.#truth);
    const { allowed, why } = this.#world.control;
    this.#buttons.forEach((button, index) => {
      const verb = can[index] ?? NAMES[index];
      say(button, verb);
      button.disabled = !allowed;
      able(button, allowed && can[index] !== null && this.#pending === null);
      button.title = allowed ? HELP[verb] : why;
      button.setAttribute('aria-label', `${verb} ${this.#router}`);
      mark(button, 'data-pending', this.#pending === verb);
    });
  }

  #press(index) {
    const verb = verbs(this.#truth)[index];
    if (verb) this.#run(verb);
  }

  async #run(verb) {
    const { command, program } = this.#world;
    const line = forRouter(program(), verb, this.#router);
    this.#is(verb);
    try {
      const words = await this.#send(verb);
      command.did(line, words);
    } catch (error) {
      this.#leaving = false;
      command.failed(error.message);
    }
    if (!this.#leaving) this.#is(null);
  }

  /** Words where there is more to say than that it was done. */
  async #send(verb) {
    const { control, command } = this.#world;
    const router = this.#router;
    if (verb === 'crash') {
      command.doing(`sending ${router} what gorouter dies of, until it does`);
      return (await control.post('/v1/crash', { router })).words;
    }
    if (verb === 'resume' || verb === 'heal') await control.post(`/v1/${verb}`, { router });
    else if (verb !== 'restart') await control.post('/v1/fault', { router, fault: verb });
    else if (this.#truth === 'dead') await control.post('/v1/restart', { router });
    else return this.#leave();
    return '';
  }

  async #leave() {
    const { control } = this.#world;
    this.#leaving = true;
    const fault = this.#truth === 'hung' ? 'kill' : 'drain';
    await control.post('/v1/fault', { router: this.#router, fault });
    this.#left(this.#world.truth(this.#router));
    return fault === 'drain' ? `${this.#router} drains first, then it is started again` : '';
  }

  /** The second half of a restart, as soon as the router is gone; nothing to do when it has come back by itself. */
  async #left(truth) {
    if (!this.#leaving || (truth !== 'dead' && truth !== 'starting')) return;
    this.#leaving = false;
    try {
      if (truth === 'dead') await this.#world.control.post('/v1/restart', { router: this.#router });
    } catch (error) {
      this.#world.command.failed(error.message);
    }
    this.#is(null);
  }

  #is(verb) {
    this.#pending = verb;
    this.show();
  }
}
