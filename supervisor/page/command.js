// What was last done here, as one would type it in a terminal, to copy; and what went wrong.

import { h, say } from './dom.js';
import { LastCommand } from './lastcommand.js';

const TOLD_MS = 1500;

/** A line at the foot of the page. */
export class Command {
  #state;
  #last;
  #line = h('code', { tabindex: '-1' });
  #copy = h('button', { type: 'button', hidden: true, onclick: () => this.#copied() }, 'Copy');
  #words = h('p', { class: 'words', role: 'status' });
  #label = h('span', { class: 'label' }, 'last command');

  constructor(place, storage) {
    this.#state = place;
    this.#last = new LastCommand(storage);
    place.append(this.#label, this.#line, this.#copy, this.#words);
    this.#show('', 'idle', 'What is done on this page appears here as a command line, to copy.');
  }

  /** A lab is heard: what was done to it in this tab is there again. */
  begin(epoch) {
    const line = this.#last.begin(epoch);
    if (line) this.#show(line, 'done', '');
  }

  /** It is done; `line` would have done the same. */
  did(line, words = '') {
    this.#last.did(line);
    this.#show(line, 'done', words);
  }

  /** It takes a while. */
  doing(words) {
    this.#show(this.#line.textContent, 'doing', words);
  }

  /** Neither an action nor a failure. */
  note(words) {
    this.#show('', 'note', words);
  }

  failed(words) {
    this.#show(this.#line.textContent, 'failed', words);
  }

  #show(line, is, words) {
    this.#state.dataset.is = is;
    say(this.#line, line);
    say(this.#words, words);
    this.#label.hidden = this.#copy.hidden = line === '';
  }

  /** Without a clipboard (it needs a secure page) the line is selected, ready for the keyboard. */
  async #copied() {
    try {
      await navigator.clipboard.writeText(this.#line.textContent);
      say(this.#copy, 'Copied');
    } catch {
      getSelection().selectAllChildren(this.#line);
      say(this.#copy, 'Selected');
    }
    setTimeout(() => say(this.#copy, 'Copy'), TOLD_MS);
  }
}
