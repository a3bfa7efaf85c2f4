// The keyboard, and the list of what it does.

import { h } from './dom.js';

const NAMES = { ' ': 'Space', Escape: 'Esc' };

/** `keys`: `[[key, words, action], …]`, those without an action are somebody else's; `?` shows them in a dialog, and so does `button`. */
export function startKeys(button, keys) {
  const rows = [...keys, ['?', 'this list']];
  const dialog = h('dialog', { class: 'keys', 'aria-labelledby': 'keys-title' },
    h('h2', { id: 'keys-title' }, 'Keys'),
    h('dl', {}, rows.map(([key, words]) => [h('dt', {}, h('kbd', {}, NAMES[key] ?? key)), h('dd', {}, words)])),
    h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'),
  );
  document.body.append(dialog);
  button.addEventListener('click', () => dialog.showModal());
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.open) return;
    if (writes(event.target) || (event.key === ' ' && presses(event.target))) return;
    const action = event.key === '?' ? () => dialog.showModal() : keys.find(([key]) => key === event.key)?.[2];
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
