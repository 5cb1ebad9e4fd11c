// Where the map is looked at from: a middle in decimetres and a scale in pixels a decimetre. North is up.

const NEAREST = 3.2; // px/dm: a shelf face of 3.5 m is 110 px
const EASE_MS = 450;

export class Camera {
  constructor(bounds) {
    this.bounds = bounds; // of the map: west, south, east, north
    this.width = this.height = 1;
    this.x = this.y = 0;
    this.scale = 0.1;
    this.target = null;
    this.changed = true;
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.settle();
  }

  /** Pixels of a place. */
  across(x) { return (x - this.x) * this.scale + this.width / 2; }
  down(y) { return (this.y - y) * this.scale + this.height / 2; }
  /** The place under a pixel. */
  place(px, py) { return [(px - this.width / 2) / this.scale + this.x, this.y - (py - this.height / 2) / this.scale]; }
  get pixelsPerMetre() { return this.scale * 10; }

  get farthest() {
    const [west, south, east, north] = this.bounds;
    return Math.max(this.width / (east - west), this.height / (north - south));
  }

  pan(dx, dy) {
    this.target = null;
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.settle();
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    this.target = null;
    const [x, y] = this.place(px, py);
    this.scale = this.limited(this.scale * factor);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y + (py - this.height / 2) / this.scale;
    this.settle();
  }

  /** Show all of a box, by an eased move or at once. */
  fit([west, south, east, north], { margin = 40, at_once = false } = {}) {
    const scale = Math.min((this.width - 2 * margin) / (east - west), (this.height - 2 * margin) / (north - south));
    this.glide((west + east) / 2, (south + north) / 2, scale, at_once);
  }

  glide(x, y, scale, at_once = false) {
    if (at_once || matchMedia('(prefers-reduced-motion: reduce)').matches) {
      Object.assign(this, { x, y, scale: this.limited(scale), target: null });
      this.settle();
    } else {
      this.target = { x, y, scale: this.limited(scale), from: { x: this.x, y: this.y, scale: this.scale }, start: performance.now() };
    }
  }

  /** Keep a moving place in the middle. */
  follow(x, y) {
    if (this.target) {
      Object.assign(this.target, { x, y });
      return;
    }
    this.x += (x - this.x) * 0.08;
    this.y += (y - this.y) * 0.08;
    this.settle();
  }

  step(now) {
    if (!this.target) return;
    const { from, x, y, scale, start } = this.target;
    const done = Math.min(1, Math.max(0, now - start) / EASE_MS);
    const eased = 1 - (1 - done) ** 3;
    this.scale = from.scale * (scale / from.scale) ** eased;
    this.x = from.x + (x - from.x) * eased;
    this.y = from.y + (y - from.y) * eased;
    if (done === 1) this.target = null;
    this.settle();
  }

  limited(scale) { return Math.min(NEAREST, Math.max(this.farthest, scale)); }

  settle() {
    const [west, south, east, north] = this.bounds;
    this.scale = this.limited(this.scale);
    const halfWidth = this.width / 2 / this.scale, halfHeight = this.height / 2 / this.scale;
    this.x = Math.min(east - halfWidth, Math.max(west + halfWidth, this.x));
    this.y = Math.min(north - halfHeight, Math.max(south + halfHeight, this.y));
    this.changed = true;
  }
}
