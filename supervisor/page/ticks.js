// Health checks as ticks below the bands; how they ended is told by shape.

import { PASSED, TIMED_OUT } from './checks.js';

/** Lanes lower than this have no room for checks that passed. */
const DENSE = 10;

/** Passed: short and thin, a line where they are too many. Failed: longer, with a cross. Timed out: from start to end. */
export function drawChecks(context, scene, rows, lanes) {
  const { from, to, x, theme } = scene;
  const short = Math.max(1, Math.round(rows.ticks * (rows.tall ? 0.4 : 0.6)));
  const pixel = (to - from) / Math.max(1, scene.right - scene.left);
  context.fillStyle = theme.css('ink-2', rows.tall ? 0.7 : 0.55);
  for (const { lane, y } of rows.pitch < DENSE ? [] : lanes) {
    const { checks } = lane;
    const stop = checks.from(to);
    let start = -9;
    let end = -9;
    const flush = () => {
      if (end - start >= 2) context.fillRect(start, y + rows.checks, end - start + 1, 1);
      else if (end >= 0) context.fillRect(start, y + rows.checks, 1, short);
    };
    for (let i = checks.from(from); i < stop; ) {
      const at = Math.floor(x(checks.ended[i]));
      if (checks.result[i] === PASSED && at > end + 2) {
        flush();
        start = end = at;
      } else if (checks.result[i] === PASSED) end = at;
      // One mark a pixel is enough of those that passed.
      i = checks.result[i] === PASSED ? Math.max(i + 1, checks.skip(i, checks.ended[i] + pixel)) : i + 1;
    }
    flush();
  }
  drawFailedChecks(context, scene, rows, lanes);
}

function drawFailedChecks(context, { x, theme, from, to }, rows, lanes) {
  context.strokeStyle = context.fillStyle = theme.css('ink');
  context.lineWidth = 1.2;
  context.beginPath();
  for (const { lane, y: top } of lanes) {
    const { failed } = lane.checks;
    const y = top + rows.checks;
    const stop = failed.from(to + failed.longest);
    let taken = -9;
    for (let i = failed.from(from); i < stop; i++) {
      const at = x(failed.ended[i]);
      const timedOut = failed.result[i] === TIMED_OUT;
      if (at - taken < 1) continue;
      if (timedOut) {
        const start = x(failed.started[i]);
        context.fillRect(start, y + Math.floor(rows.ticks / 3), Math.max(1, at - start), Math.max(1, rows.ticks / 4));
      }
      context.fillRect(Math.round(at) - 0.5, y, 1.2, rows.ticks);
      if (rows.tall && at - taken >= 6 && !timedOut) cross(context, at, y + rows.ticks - 3);
      taken = at;
    }
  }
  context.stroke();
}

function cross(context, x, y) {
  context.moveTo(x - 2.5, y - 2.5);
  context.lineTo(x + 2.5, y + 2.5);
  context.moveTo(x + 2.5, y - 2.5);
  context.lineTo(x - 2.5, y + 2.5);
}
