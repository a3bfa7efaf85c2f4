// The keyboard, and the list of what it does, below how the page is to be read.

import { h } from './dom.js';
import { Legend } from './legend.js';
import { Wish } from './wish.js';

const NAMES = { ' ': 'Space', Escape: 'Esc' };

/** `keys`: `[[key, words, action], …]`, those without an action are somebody else's; `?` shows them in a dialog, and so does `button`. */
export function startKeys(button, keys) {
  const rows = [...keys, ['?', 'this list']];
  const legend = new Legend();
  // Who speaks to the machine, or whose hand slips, would order what was not meant.
  const single = new Wish('resetlab-keys', ['on', 'off']);
  const box = h('input', { type: 'checkbox', checked: single.is === 'on', onchange: () => single.set(box.checked ? 'on' : 'off') });
  const dialog = h('dialog', { class: 'keys', 'aria-labelledby': 'legend-title' },
    h('div', { class: 'head' },
      h('h2', { id: 'legend-title' }, 'How to read the lanes'),
      h('button', { type: 'button', onclick: () => dialog.close() }, 'Close')),
    legend.element,
    h('h2', { class: 'by-key' }, 'Keys'),
    h('p', { class: 'by-key' }, h('label', {}, box, ' keys of one sign work wherever the focus is')),
    h('dl', { class: 'by-key' }, rows.map(([key, words]) => [h('dt', {}, h('kbd', {}, NAMES[key] ?? key)), h('dd', {}, words)])),
  );
  document.body.append(dialog);
  const show = () => {
    dialog.showModal();
    legend.draw();
  };
  button.addEventListener('click', show);
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.open) return;
    if (single.is === 'off' && event.key.length === 1) return;
    if (writes(event.target) || (event.key === ' ' && presses(event.target))) return;
    const action = event.key === '?' ? show : keys.find(([key]) => key === event.key)?.[2];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function writes(element) {
  return element.matches('input, select, textarea');
}

/** Space is theirs. */
function presses(element) {
  return element.matches('button, summary, a');
}
