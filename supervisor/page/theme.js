// The colours of the page's style sheet as the canvas needs them, and patterns, so that nothing is told by colour alone.

/** Custom properties of the page's style sheet. */
const COLOURS = [
  'ink', 'ink-2', 'paper', 'line', 'accent', 'up', 'slow', 'erroring', 'hung', 'dead', 'draining', 'starting', 'going', 'down', 'ejected', 'ok',
  'lost-1', 'lost-2', 'lost-3', 'lost-4', 'lost-5', 'warn', 'objective',
];
const TILE = 6;

/** How each truth and belief is drawn: which colour, which pattern over it, and how strong the colour is below that. */
const STATES = {
  up: { colour: 'up', fill: 0.4 },
  slow: { colour: 'slow', pattern: 'dots', fill: 0.25 },
  erroring: { colour: 'erroring', pattern: 'cross', fill: 0.25 },
  silent: { colour: 'hung', pattern: 'level', fill: 0.25 },
  hung: { colour: 'hung', pattern: 'rise', fill: 0.35 },
  unreachable: { colour: 'dead', pattern: 'upright', fill: 0.25 },
  draining: { colour: 'draining', pattern: 'upright', fill: 0.2 },
  starting: { colour: 'starting', pattern: 'dots', fill: 0.15 },
  // Ink, not an alarm: what is loud is the gap, and that ends when the balancer knows.
  dead: { colour: 'ink', fill: 0.85 },
  going_down: { colour: 'going', pattern: 'fall', fill: 0.3 },
  down: { colour: 'ink-2', fill: 0.85 },
  going_up: { colour: 'going', pattern: 'rise', fill: 0.15 },
  ejected: { colour: 'ejected', pattern: 'cross', fill: 0.6 },
  unknown: { colour: 'line', pattern: 'dots', fill: 0.3 },
};

/** How each outcome is drawn; the order is that of `OUTCOMES` of the history. */
export const LOSSES = [
  { colour: 'ok' },
  { colour: 'lost-1' },
  { colour: 'lost-1', pattern: 'rise' },
  { colour: 'lost-1', pattern: 'dots' },
  { colour: 'lost-2' },
  { colour: 'lost-4' },
  { colour: 'lost-2', pattern: 'rise' },
  { colour: 'lost-5' },
  { colour: 'lost-3' },
  { colour: 'lost-5', pattern: 'dots' },
];

export class Theme {
  #context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  #patterns = new Map();
  #colours = new Map();
  #states = new Map();

  /** Reads the colours again; `scale` is how many device pixels a pixel has. */
  read(element, scale) {
    const style = getComputedStyle(element);
    const probe = document.createElement('i');
    probe.hidden = true;
    element.append(probe);
    for (const name of COLOURS) {
      probe.style.color = `var(--${name})`;
      this[name] = this.#channels(getComputedStyle(probe).color);
    }
    probe.remove();
    this.font = style.fontFamily || 'system-ui, sans-serif';
    this.scale = scale;
    this.#patterns.clear();
    this.#colours.clear();
    this.#states.clear();
    this.dark = luminance(this.paper) < 0.5;
  }

  /** As CSS writes it. */
  css(name, alpha = 1) {
    const key = alpha === 1 ? name : `${name} ${alpha}`;
    let colour = this.#colours.get(key);
    if (!colour) {
      const [red, green, blue] = this[name];
      this.#colours.set(key, (colour = `rgb(${red} ${green} ${blue} / ${alpha})`));
    }
    return colour;
  }

  /** How a truth or a belief is drawn: its pattern, the fills `below` and `above` that make it, and `text` on it. */
  state(context, name) {
    let found = this.#states.get(name);
    if (!found) {
      const { colour, fill, pattern } = STATES[name] ?? STATES.unknown;
      // On a dark page, ink is what shines: there it is dimmed, or a router that is known to be dead would be the loudest.
      const alpha = this.dark && fill > 0.8 ? fill * 0.6 : fill;
      found = { pattern, below: this.css(colour, alpha), above: pattern ? this.pattern(context, colour, pattern, 0.75) : null, text: this.#on(colour, alpha) };
      this.#states.set(name, found);
    }
    return found;
  }

  /** A fill that repeats; it is made once for each theme. */
  pattern(context, colour, kind, alpha = 1) {
    const key = `${colour} ${kind} ${alpha}`;
    let pattern = this.#patterns.get(key);
    if (!pattern) {
      pattern = context.createPattern(this.#tile(this.css(colour, alpha), kind), 'repeat');
      pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
      this.#patterns.set(key, pattern);
    }
    return pattern;
  }

  /** Ink or paper, whichever can be read on that colour on paper. */
  #on(name, alpha) {
    const under = luminance(this[name].map((channel, i) => channel * alpha + this.paper[i] * (1 - alpha)));
    const gap = (other) => Math.abs(under - luminance(this[other]));
    return this.css(gap('ink') > gap('paper') ? 'ink' : 'paper');
  }

  #channels(colour) {
    const context = this.#context;
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
  }

  #tile(colour, kind) {
    const side = Math.round(TILE * this.scale);
    const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
    const context = canvas.getContext('2d');
    context.scale(side / TILE, side / TILE);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.3;
    context.beginPath();
    // Lines run beyond the tile, so that they meet those of its neighbours.
    const line = (x1, y1, x2, y2) => (context.moveTo(x1, y1), context.lineTo(x2, y2));
    for (const shift of [-TILE, 0, TILE]) {
      if (kind === 'rise' || kind === 'cross') line(shift - 1, TILE + 1, shift + TILE + 1, -1);
      if (kind === 'fall' || kind === 'cross') line(shift - 1, -1, shift + TILE + 1, TILE + 1);
    }
    if (kind === 'level') line(0, 1.5, TILE, 1.5), line(0, 4.5, TILE, 4.5);
    if (kind === 'upright') line(1.5, 0, 1.5, TILE);
    context.stroke();
    if (kind === 'dots') for (const at of [1.5, 4.5]) context.fillRect(at - 0.75, at - 0.75, 1.5, 1.5);
    return canvas;
  }
}

function luminance([red, green, blue]) {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}
