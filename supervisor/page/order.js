// Tab goes through the page as the eye does: where it is one column, settings come after the charts.

const ONE_COLUMN = matchMedia('(max-width: 1100px)');

/** `settings` stand behind `top`, or behind `charts` where there is one column; the style sheet has the same width. */
export function startOrder(settings, top, charts) {
  const put = () => (ONE_COLUMN.matches ? charts : top).after(settings);
  ONE_COLUMN.addEventListener('change', put);
  put();
}
