// PURE: where lanes and labels go.

/** Lower lanes have no room for names and words of their own. */
export const TALL = 34;
const HIGHEST = 150;

/** `count` lanes in `height` pixels below `top`: where each begins, and what is where within it. */
export function lanes(count, top, height) {
  const pitch = count > 0 ? Math.min(HIGHEST, height / count) : HIGHEST;
  const tall = pitch >= TALL;
  return { top, pitch, tall, count, ...(tall ? tallParts(pitch) : shortParts(pitch)), y: (index) => top + index * pitch };
}

/** How high a label is, and where it begins in its lane: above the bands, or in the middle of low ones. */
export const labelHeight = (rows) => (rows.tall ? rows.label - 2 : 13);
export const labelTop = (rows) => (rows.tall ? rows.truth - 3 : (rows.belief + rows.band + labelHeight(rows)) / 2) - labelHeight(rows);

function tallParts(pitch) {
  const label = pitch >= 48 ? 15 : 12;
  const ticks = pitch >= 48 ? 10 : 8;
  const strip = pitch >= 48 ? 6 : 4;
  const air = pitch >= 60 ? Math.round(pitch * 0.15) : pitch >= 44 ? 5 : 2;
  const band = Math.max(4, Math.min(24, Math.floor(((pitch - label - ticks - strip - air) / 2) * (pitch > 84 ? 0.8 : 1))));
  // A label has its place above the band, in the first lane too: nothing is above that.
  const truth = Math.max(label + 1, Math.round((pitch - label - ticks - strip - 2 * band) / 2) + label - 2);
  return { band, strip, ticks, label, truth, loss: truth + band, belief: truth + band + strip, checks: truth + 2 * band + strip + 1 };
}

function shortParts(pitch) {
  const strip = pitch >= 24 ? 3 : pitch >= 14 ? 2 : 0;
  const band = Math.max(1, Math.floor((pitch - strip - 2) / (pitch >= 14 ? 2.8 : 2.2)));
  const checks = 2 * band + strip + (strip ? 1 : 0);
  const ticks = Math.max(1, Math.min(7, Math.floor(pitch - checks - (strip ? 2 : 1))));
  return { band, strip, ticks, label: 0, truth: 0, loss: band, belief: band + strip, checks };
}

/** Which lane is at that height; -1: none. */
export function laneAt(rows, y) {
  const index = Math.floor((y - rows.top) / rows.pitch);
  return index >= 0 && index < rows.count ? index : -1;
}

/**
 * Labels where they do not overlap. Each has a size, a `rank` (higher first) and `choices`, the places it would like best
 * first; one that finds no place within `bounds` is left out. A choice that is `clear` hides none of `kept` either.
 */
export function place(labels, bounds, kept = []) {
  const placed = [];
  for (const label of [...labels].sort((a, b) => b.rank - a.rank)) {
    const spot = label.choices.find(({ x, y, width, clear }) => {
      const box = { x, y, width: width ?? label.width, height: label.height };
      const hides = (others) => others.some((other) => overlap(box, other));
      return inside(box, bounds) && !hides(placed) && !(clear && hides(kept));
    });
    if (spot) placed.push({ ...label, ...spot });
  }
  return placed;
}

/** Heights of labels at a margin, each as near as can be to where it belongs, `pitch` apart, in their order, within bounds. */
export function spread(wanted, pitch, least, most) {
  const order = wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y || a.index - b.index);
  const room = Math.max(0, most - least);
  const step = order.length > 1 ? Math.min(pitch, room / (order.length - 1)) : pitch;
  const heights = new Array(wanted.length);
  let previous = -Infinity;
  for (const item of order) previous = item.y = Math.max(item.y, least, previous + step);
  let next = most + step;
  for (const item of order.reverse()) {
    next = item.y = Math.min(item.y, next - step);
    heights[item.index] = item.y;
  }
  return heights;
}

function inside(box, bounds) {
  return box.x >= bounds.x && box.y >= bounds.y && box.x + box.width <= bounds.x + bounds.width && box.y + box.height <= bounds.y + bounds.height;
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
