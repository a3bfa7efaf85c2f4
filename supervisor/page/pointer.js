// The crosshair over all charts and the drag that zooms, on screens that are touched too. Nothing is redrawn for them:
// they are elements above the canvases.

import { h, say } from './dom.js';
import { style } from './stage.js';

/** Shorter drags are clicks. */
const DRAG = 5;

export class Pointer {
  #view;
  #charts;
  #scale = null;
  #drag = null;
  /** Where it rests, in pixels: a live view moves below it. */
  #rest = null;

  /** `charts`: {host, extent() → {top, bottom, text}, read(time) → text, onPoint(y|null)?, onClick(y)?}. */
  constructor(view, charts) {
    this.#view = view;
    this.#charts = charts.map((chart) => ({ ...chart, ...overlay(chart.host) }));
    for (const chart of this.#charts) this.#listen(chart);
  }

  /** `scene`: where times are now. */
  show(scene) {
    this.#scale = scene;
    if (this.#rest !== null && this.#view.live && !this.#drag) this.#view.setCrosshair(this.#timeAt(this.#rest));
    const { crosshair } = this.#view;
    const at = crosshair === null ? null : scene.x(crosshair);
    const seen = at !== null && at >= scene.left - 0.5 && at <= scene.right + 0.5;
    for (const chart of this.#charts) {
      chart.cross.hidden = !seen;
      const text = seen ? chart.read(crosshair) : '';
      chart.readout.hidden = text === '';
      this.#showZoom(chart);
      if (!seen) continue;
      const { top, bottom, text: textTop } = chart.extent();
      style(chart.cross, 'transform', `translate(${Math.round(at)}px, ${top}px)`);
      style(chart.cross, 'height', `${bottom - top}px`);
      if (text === '') continue;
      say(chart.readout, text);
      // Beside the crosshair, where there is more room, and within the chart however long the words are.
      const before = at > (scene.left + scene.right) / 2;
      const beside = before ? `${Math.round(at) - 6}px - 100%` : `${Math.round(at) + 7}px`;
      const width = Math.floor(scene.right + scene.margins.right);
      style(chart.readout, 'transform', `translate(clamp(0px, ${beside}, ${width}px - 100%), ${textTop}px)`);
    }
  }

  #showZoom({ zoom }) {
    const drag = this.#drag;
    zoom.hidden = !drag?.moved;
    if (!drag?.moved) return;
    style(zoom, 'left', `${Math.min(drag.from, drag.to)}px`);
    style(zoom, 'width', `${Math.abs(drag.to - drag.from)}px`);
    style(zoom, 'height', '100%');
  }

  #listen(chart) {
    const { host } = chart;
    const place = (event) => {
      const box = host.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const inside = (x) => this.#scale && x >= this.#scale.left && x <= this.#scale.right;
    const clamp = (x) => Math.max(this.#scale.left, Math.min(this.#scale.right, x));
    host.addEventListener('pointerdown', (event) => {
      const { x, y } = place(event);
      if (event.button !== 0 || !inside(x)) return;
      host.focus({ preventScroll: true });
      // What is dragged over must not run away meanwhile.
      this.#drag = { from: x, to: x, y, moved: false, start: this.#scale.timeAt(x), pointer: event.pointerId };
      this.#point(chart, x, y);
    });
    host.addEventListener('pointermove', (event) => {
      const { x, y } = place(event);
      const drag = this.#drag;
      if (drag && drag.pointer === event.pointerId) {
        drag.to = clamp(x);
        if (!drag.moved && Math.abs(drag.to - drag.from) > DRAG) {
          drag.moved = true;
          host.setPointerCapture(event.pointerId);
        }
      }
      this.#point(chart, drag?.moved ? clamp(x) : x, y);
    });
    host.addEventListener('pointerup', (event) => {
      const drag = this.#drag;
      this.#drag = null;
      if (!drag || !this.#scale) return;
      if (drag.moved) this.#view.zoom(drag.start, this.#scale.timeAt(drag.to));
      else chart.onClick?.(place(event).y);
    });
    host.addEventListener('pointercancel', () => (this.#drag = null));
    host.addEventListener('pointerleave', (event) => {
      if (this.#drag?.moved) return;
      this.#drag = null;
      chart.onPoint?.(null);
      // A finger that is lifted leaves the crosshair where it was.
      if (event.pointerType === 'mouse') this.#leave();
    });
    host.addEventListener('dblclick', () => this.#view.back());
  }

  #point(chart, x, y) {
    chart.onPoint?.(y);
    if (!this.#scale || x < this.#scale.left || x > this.#scale.right) return this.#leave();
    this.#rest = x;
    this.#view.setCrosshair(this.#timeAt(x));
  }

  /** Nothing is to be read of what has not been. */
  #timeAt(x) {
    return Math.min(this.#scale.timeAt(x), this.#scale.now);
  }

  #leave() {
    this.#rest = null;
    this.#view.setCrosshair(null);
  }

  /** The keyboard has taken the crosshair. */
  release() {
    this.#rest = null;
  }
}

function overlay(host) {
  const cross = h('div', { class: 'chart-cross' });
  const zoom = h('div', { class: 'chart-zoom' });
  const readout = h('div', { class: 'chart-read' });
  for (const part of [cross, zoom, readout]) {
    part.hidden = true;
    part.setAttribute('aria-hidden', 'true');
    host.append(part);
  }
  return { cross, zoom, readout };
}
