// How the parts of the charts that are not drawn look. It is a sheet of its own, made by script; its colours are those of
// the page.

const RULES = `
.chart-host { position: relative; user-select: none; -webkit-user-select: none; touch-action: pan-y; cursor: crosshair; contain: layout style; }
.chart-host canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.chart-cross { position: absolute; top: 0; left: 0; width: 1px; background: var(--ink); opacity: .55; pointer-events: none; will-change: transform; }
.chart-zoom { position: absolute; top: 0; background: var(--accent); opacity: .14; pointer-events: none; }
.chart-read { contain: content; position: absolute; top: 0; left: 0; max-width: 100%; box-sizing: border-box; overflow: hidden; text-overflow: ellipsis; padding: 1px 6px; font-size: 11px; line-height: 15px; white-space: nowrap; pointer-events: none;
  color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 3px; font-variant-numeric: tabular-nums; z-index: 1; }
.chart-read[hidden], .chart-cross[hidden], .chart-zoom[hidden], .lane-bar[hidden] { display: none; }
.lane-mark { position: absolute; top: 0; left: 0; right: 0; background: var(--accent); opacity: .05; pointer-events: none; }
.lane-mark.selected { opacity: .1; }
.lane-mark[hidden] { display: none; }
.lane-heads { position: absolute; inset: 0 auto auto 0; pointer-events: none; }
.lane-head { position: absolute; left: 0; right: 0; padding-right: 10px; display: flex; flex-direction: column; justify-content: center; gap: 3px;
  pointer-events: auto; cursor: pointer; overflow: hidden; box-sizing: border-box; }
.lane-head .who { display: flex; gap: 8px; align-items: baseline; min-width: 0; }
.lane-head b { font-weight: 600; font-size: 13px; line-height: 16px; white-space: nowrap; }
.lane-is { font-size: 11px; line-height: 14px; color: var(--ink-2); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-width: 0; }
[data-gap] > .lane-is, [data-gap] .who > .lane-is { color: var(--lost-1); font-weight: 650; }
[data-then] .lane-is { font-style: italic; }
.lane-head[data-selected] b { text-decoration: underline; text-underline-offset: 3px; text-decoration-color: var(--accent); text-decoration-thickness: 2px; }
.lane-bar { position: absolute; top: 0; left: 0; right: 0; height: var(--bar, 26px); display: flex; align-items: center; gap: 12px; overflow: hidden; cursor: default; }
.lane-bar b { font-weight: 600; white-space: nowrap; }
.lane-bar > :empty { display: none; }
.touch .lane-bar button { min-height: 40px; min-width: 44px; font-size: 12px; padding: 0 8px; }
.low .lane-head { gap: 0; }
.low .actions button { min-height: 18px; line-height: 16px; }
.narrow .lane-bar { flex-wrap: wrap; gap: 0 8px; align-content: start; }
.narrow .lane-bar > :last-child { flex: 1 0 100%; }
.narrow .lane-bar button { flex: 1; padding: 0 2px; }
.narrow .lane-head { padding-right: 4px; gap: 0; }
.narrow .lane-head .who { flex-direction: column; gap: 0; }
.narrow .lane-head b { font-size: 11.5px; }
.narrow .lane-head .lane-is { font-size: 10px; line-height: 12px; max-width: 100%; white-space: normal; }
.narrow .low .lane-head .lane-is { white-space: nowrap; }
`;

export function startStyle() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(RULES);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
