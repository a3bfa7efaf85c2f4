// PURE: which lines of the event log somebody wants to see.

/** `plain` is everything; the others are what to look at first. */
export const TONES = ['plain', 'good', 'warning', 'bad'];

/** The router that a line is about: its first word; `null`: none. */
export function routerOf(text) {
  return /^(router-\d+)\b/.exec(text)?.[1] ?? null;
}

/** `wanted`: `{ text, router, tone }`, each `''` for all. Words of `text` may stand in any order. */
export function matches(line, wanted) {
  if (wanted.tone && line.tone !== wanted.tone) return false;
  if (wanted.router && routerOf(line.text) !== wanted.router) return false;
  const text = line.text.toLowerCase();
  return wanted.text.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
