// A canvas that fills its host, sharp on every screen.

export class Stage {
  constructor(host) {
    this.host = host;
    this.canvas = document.createElement('canvas');
    this.canvas.setAttribute('aria-hidden', 'true');
    host.append(this.canvas);
    this.context = this.canvas.getContext('2d');
    this.width = 0;
    this.height = 0;
  }

  /** Takes the size that the style sheet gives the host; true if it is another one. */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.host;
    const scale = devicePixelRatio || 1;
    if (width === this.width && height === this.height && scale === this.scale) return false;
    Object.assign(this, { width, height, scale });
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    return true;
  }

  /** An empty canvas, in pixels of the page. */
  clear() {
    this.context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    return this.context;
  }
}

/** Sets a style only where it is another one, so that the browser has nothing to lay out again. */
export function style(target, name, value) {
  if (name.startsWith('--')) target.style.setProperty(name, value);
  else if (target.style[name] !== value) target.style[name] = value;
}
