// Light or dark: the system's choice unless somebody makes another.

import { say } from './dom.js';
import { Wish } from './wish.js';

const ORDER = ['auto', 'light', 'dark'];
const MEDIA = {
  auto: 'screen and (prefers-color-scheme: dark)',
  dark: 'screen',
  light: 'not all',
};

/** The button walks through auto, light and dark. The root's `data-theme` says what is shown; paper is always light. */
export function startLook(button, sheet) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const choice = new Wish('resetlab-look', ORDER);
  const show = (printing) => {
    const theme = printing ? 'light' : choice.is === 'auto' ? (system.matches ? 'dark' : 'light') : choice.is;
    sheet.media = printing ? MEDIA.light : MEDIA[choice.is];
    document.documentElement.dataset.theme = theme;
    say(button, `Theme: ${choice.is}`);
  };
  button.addEventListener('click', () => {
    choice.turn();
    show(false);
  });
  system.addEventListener('change', () => show(false));
  addEventListener('beforeprint', () => show(true));
  addEventListener('afterprint', () => show(false));
  show(false);
}
