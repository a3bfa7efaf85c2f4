// Light or dark: the system's choice unless somebody makes another.

import { say } from './dom.js';

const KEPT = 'resetlab-look';
const ORDER = ['auto', 'light', 'dark'];
const MEDIA = {
  auto: 'screen and (prefers-color-scheme: dark)',
  dark: 'screen',
  light: 'not all',
};

/** The button walks through auto, light and dark. The root's `data-theme` says what is shown; paper is always light. */
export function startLook(button, sheet) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let choice = kept();
  const show = (printing) => {
    const theme = printing ? 'light' : choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice;
    sheet.media = printing ? MEDIA.light : MEDIA[choice];
    document.documentElement.dataset.theme = theme;
    say(button, `Theme: ${choice}`);
  };
  button.addEventListener('click', () => {
    choice = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length];
    keep(choice);
    show(false);
  });
  system.addEventListener('change', () => show(false));
  addEventListener('beforeprint', () => show(true));
  addEventListener('afterprint', () => show(false));
  show(false);
}

// A browser may forbid storage; the choice then lasts as long as the page.
function kept() {
  try {
    const word = localStorage.getItem(KEPT);
    return ORDER.includes(word) ? word : 'auto';
  } catch {
    return 'auto';
  }
}

function keep(choice) {
  try {
    localStorage.setItem(KEPT, choice);
  } catch {
    // Nothing depends on it.
  }
}
