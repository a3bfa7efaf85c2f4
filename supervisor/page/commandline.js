// PURE: what somebody would have typed in a terminal for what was done here.

/** `resetlab kill router-2`; `program` is how the lab's program is called: `resetlab --lab shell`. */
export function forRouter(program, verb, router) {
  return `${program} ${verb} ${quoted(router)}`;
}

/** `resetlab set interval=500ms fall=3` */
export function forSettings(program, settings) {
  const pairs = Object.entries(settings).map(([key, value]) => quoted(`${key}=${value}`));
  return `${program} set ${pairs.join(' ')}`;
}

/** Quoted only where a shell would read it otherwise. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
