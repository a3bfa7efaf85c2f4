// Elements, made in one expression.

/**
 * `h('button', { type: 'button', class: 'quiet', onclick: stop }, 'Stop')`. Functions are listeners, `true` and `false`
 * set and leave out an attribute, `null` is left out.
 */
export function h(name, attributes = {}, ...children) {
  return dress(document.createElement(name), attributes, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same for a drawing. */
export function svg(name, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, name), attributes, children);
}

/** Writes text where it differs: what has not changed costs no layout and disturbs no selection. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes a class or an attribute likewise. */
export function mark(element, name, on) {
  if (element.hasAttribute(name) !== on) element.toggleAttribute(name, on);
}

/** Whether a button does anything now. It keeps the focus meanwhile, as one that is disabled would not. */
export function able(button, on) {
  if ((button.getAttribute('aria-disabled') !== 'true') !== on) button.setAttribute('aria-disabled', String(!on));
}

/** A listener of a button that may be unable. */
export function ifAble(then) {
  return (event) => event.currentTarget.getAttribute('aria-disabled') === 'true' || then(event);
}

function dress(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}
