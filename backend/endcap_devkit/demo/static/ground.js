// What does not move: streets, houses, stores and, from near, their floor plans. Drawn only when the view changes.
// The words stand on a sheet of their own, `labels`, which the crowd lays over its pulses.

const STREETS = { // widths in decimetres
  path: 20, service: 40, walk: 70, street: 90, major: 140,
};
export const PLAN_FROM = 2.2; // px/m at which shelves appear
const SECTIONS_FROM = 4.5;
const PRODUCTS_FROM = 11;

export class Ground {
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d', { alpha: false });
    this.labels = document.createElement('canvas');
    this.words = this.labels.getContext('2d');
    this.scene = scene;
    this.shapes = Object.fromEntries(['water', 'green', 'square', 'building'].map((name) => [name, polygons(scene[name])]));
    this.stores = scene.stores.map((store) => ({ ...store, shape: polygons([store.rings]), plan: shelves(store) }));
    this.stores.sort((a, b) => b.area - a.area);
    this.streets = Object.fromEntries([...Object.keys(STREETS), 'tram', 'rail'].map((kind) => [kind, lines(scene.streets, kind)]));
    this.streetLabels = scene.streets.filter((street) => street.name).map(longestPiece).sort((a, b) => b.length - a.length);
    this.widths = new Map();
  }

  draw(camera, colours, ratio) {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = colours.land;
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const scale = camera.scale * ratio;
    pen.setTransform(scale, 0, 0, -scale, camera.across(0) * ratio, camera.down(0) * ratio);
    for (const name of ['water', 'green', 'square']) this.fill(this.shapes[name], colours[name]);
    this.drawStreets(colours, camera);
    this.fill(this.shapes.building, colours.building, colours['building-edge'], 1 / camera.scale);
    for (const store of this.stores) this.fill(store.shape, colours.store, colours['store-edge'], 1.25 / camera.scale);
    if (camera.pixelsPerMetre > PLAN_FROM) this.drawPlans(camera, colours);
    this.words.setTransform(1, 0, 0, 1, 0, 0);
    this.words.clearRect(0, 0, this.labels.width, this.labels.height);
    this.words.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.taken = [];
    this.drawLabels(camera, colours);
  }

  fill(shape, colour, edge, width) {
    this.pen.fillStyle = colour;
    this.pen.fill(shape, 'evenodd');
    if (edge) {
      this.pen.strokeStyle = edge;
      this.pen.lineWidth = width;
      this.pen.stroke(shape);
    }
  }

  drawStreets(colours, camera) {
    const { pen } = this;
    pen.lineCap = pen.lineJoin = 'round';
    const edge = 1.6 / camera.scale;
    for (const [colour, extra] of [[colours['street-edge'], edge], [colours.street, 0]]) {
      pen.strokeStyle = colour;
      for (const [kind, width] of Object.entries(STREETS)) {
        if (kind === 'path' && (extra || camera.pixelsPerMetre < 0.8)) continue;
        pen.lineWidth = width + extra;
        pen.stroke(this.streets[kind]);
      }
    }
    pen.strokeStyle = colours.tram;
    pen.lineWidth = Math.max(4, 1 / camera.scale);
    pen.stroke(this.streets.tram);
    pen.stroke(this.streets.rail);
  }

  drawPlans(camera, colours) {
    const { pen } = this;
    pen.lineCap = 'round';
    for (const store of this.stores.filter((each) => visible(camera, each))) {
      pen.strokeStyle = colours.shelf;
      pen.lineWidth = 14;
      pen.stroke(store.plan);
      this.drawDoor(store, camera, colours);
      for (const [x, y, , , , discount] of store.products) {
        pen.fillStyle = discount ? colours['shelf-offer'] : colours.store;
        pen.beginPath();
        pen.arc(x, y, discount ? Math.max(4.5, 2.5 / camera.scale) : 3, 0, 2 * Math.PI);
        pen.fill();
      }
    }
  }

  drawDoor(store, camera, colours) {
    const { pen } = this;
    pen.fillStyle = colours.land;
    pen.strokeStyle = colours['store-edge'];
    pen.lineWidth = 1.5 / camera.scale;
    pen.beginPath();
    pen.arc(store.door[0], store.door[1], 14, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
  }

  drawLabels(camera, colours) {
    const near = camera.pixelsPerMetre;
    for (const store of this.stores) {
      const size = Math.sqrt(store.area) * near;
      if (size < 38 || !visible(camera, store)) continue;
      const wide = this.width(store.name, `600 10px ${FONT}`) / 10; // per pixel of type
      const font = Math.round(Math.min(20, Math.max(10.5, Math.min(size / 6, size / wide))) * 2) / 2;
      if (near > SECTIONS_FROM) continue; // from near, the sections' names speak
      this.text(store.name, camera.across(store.label[0]), camera.down(store.label[1]), `600 ${font}px ${FONT}`, colours.label, colours);
    }
    if (near > SECTIONS_FROM) this.drawSections(camera, colours);
    if (near > 0.9) {
      for (const street of this.streetLabels) this.streetName(street, camera, colours);
    }
    if (near > 2.6) {
      for (const [x, y, name] of this.scene.shops) {
        this.text(name, camera.across(x), camera.down(y), `400 11px ${FONT}`, colours['street-label'], colours);
      }
    }
  }

  drawSections(camera, colours) {
    const near = camera.pixelsPerMetre;
    for (const store of this.stores.filter((each) => visible(camera, each))) {
      for (const section of store.sections) {
        const [x, y] = [camera.across(section.label[0]), camera.down(section.label[1])];
        this.text(section.name, x, y - 2, `600 13px ${FONT}`, colours.label, colours);
      }
      const shown = store.products.filter(([, , , , , discount]) => discount || near > PRODUCTS_FROM);
      shown.sort((a, b) => (b[5] ?? 0) - (a[5] ?? 0)); // the best offer takes its place first
      for (const [x, y, , name, , discount] of shown) {
        const [text, weight, colour] = discount ? [`${name} −${discount}%`, 500, colours.offer] : [name, 400, colours.soft];
        this.text(text, camera.across(x), camera.down(y) + 13, `${weight} 11px ${FONT}`, colour, colours);
      }
    }
  }

  text(text, x, y, font, colour, colours, angle = 0) {
    if (x < -60 || y < -20 || x > this.canvas.clientWidth + 60 || y > this.canvas.clientHeight + 20) return;
    const pen = this.words;
    pen.font = font;
    const width = this.width(text, font);
    const half = angle ? (Math.abs(Math.cos(angle)) * width) / 2 + 6 : width / 2 + 4;
    const high = angle ? (Math.abs(Math.sin(angle)) * width) / 2 + 8 : 9;
    const box = [x - half, y - high, x + half, y + high];
    if (this.taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) return;
    this.taken.push(box);
    pen.save();
    pen.translate(x, y);
    pen.rotate(angle);
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    pen.lineWidth = 3.5;
    pen.strokeStyle = colours.halo;
    pen.strokeText(text, 0, 0);
    pen.fillStyle = colour;
    pen.fillText(text, 0, 0);
    pen.restore();
  }

  streetName(street, camera, colours) {
    const width = this.width(street.name, `500 11px ${FONT}`);
    if (street.length * camera.scale < width * 1.1) return;
    let angle = -Math.atan2(street.to[1] - street.from[1], street.to[0] - street.from[0]);
    if (Math.abs(angle) > Math.PI / 2) angle += angle > 0 ? -Math.PI : Math.PI;
    const [x, y] = [camera.across((street.from[0] + street.to[0]) / 2), camera.down((street.from[1] + street.to[1]) / 2)];
    this.text(street.name, x, y, `500 11px ${FONT}`, colours['street-label'], colours, angle);
  }

  width(text, font) {
    const key = font + text;
    if (!this.widths.has(key)) {
      this.pen.font = font;
      this.widths.set(key, this.pen.measureText(text).width);
    }
    return this.widths.get(key);
  }
}

export const FONT = 'Inter, Roboto, "Segoe UI", system-ui, "DejaVu Sans", sans-serif';

export function visible(camera, store) {
  const reach = Math.sqrt(store.area) * 10;
  const [x, y] = [camera.across(store.label[0]), camera.down(store.label[1])];
  const slack = reach * camera.scale;
  return x > -slack && y > -slack && x < camera.width + slack && y < camera.height + slack;
}

function trace(path, line, close) {
  for (let i = 0; i < line.length; i += 2) i ? path.lineTo(line[i], line[i + 1]) : path.moveTo(line[0], line[1]);
  if (close) path.closePath();
}

function polygons(list) {
  const path = new Path2D();
  for (const rings of list) for (const ring of rings) trace(path, ring, true);
  return path;
}

function lines(streets, kind) {
  const path = new Path2D();
  for (const street of streets) if (street.kind === kind) for (const line of street.lines) trace(path, line, false);
  return path;
}

function shelves(store) {
  const path = new Path2D();
  for (const section of store.sections) for (const shelf of section.shelves) trace(path, shelf, false);
  return path;
}

function longestPiece(street) {
  let best = { length: 0, name: street.name };
  for (const line of street.lines) {
    const from = [line[0], line[1]], to = [line.at(-2), line.at(-1)];
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length > best.length) best = { name: street.name, from, to, length };
  }
  return best;
}
