// What keys do while a chart has the focus.

/** A step of the crosshair, as a share of what is seen; with Shift ten times that. */
const STEP = 0.005;
const ZOOM = 1.6;

/** `names()`: the routers in their order, `now()`: the end of what is known; `taken()` is told when the crosshair moves by key, `told()` when it has, or another router is chosen. */
export function startKeyboard(hosts, view, { names, now, taken, told }) {
  const actions = {
    ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
    ArrowUp: () => choose(-1),
    ArrowDown: () => choose(1),
    '+': () => closer(1 / ZOOM),
    '=': () => closer(1 / ZOOM),
    '-': () => closer(ZOOM),
    ' ': () => (view.live ? view.pause() : view.resume()),
    Home: () => view.resume(),
    Escape: () => (view.zoomed ? view.back() : view.selected ? view.select(null) : view.setCrosshair(null)),
  };
  function step(by) {
    taken();
    const { from, to, span } = view;
    const middle = view.crosshair === null || view.crosshair < from || view.crosshair > to;
    const start = middle ? (from + to) / 2 : view.crosshair;
    view.setCrosshair(Math.max(from, Math.min(to, now(), start + by * STEP * span)));
    told();
  }
  function choose(by) {
    const all = names();
    if (all.length === 0) return;
    const at = all.indexOf(view.selected);
    view.select(at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[Math.max(0, Math.min(all.length - 1, at + by))]);
    told();
  }
  function closer(factor) {
    view.setSpan(view.span * factor);
  }
  for (const host of hosts) {
    host.tabIndex = 0;
    host.addEventListener('keydown', (event) => {
      // Buttons within a chart keep their keys.
      if (event.target !== host || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    });
  }
}
