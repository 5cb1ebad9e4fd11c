// Draws on a store's plan what its form says, and writes into the form what is drawn. All of it can be typed, too.

const SVG = 'http://www.w3.org/2000/svg';
const STEP_M = 0.5;
const LEAP_M = 5; // with Shift
const DECIMALS = 7; // as plans are kept: 1 cm
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const drawer = document.getElementById('drawer');
const svg = drawer?.querySelector('svg');
const outline = document.getElementById('outline');
const told = document.getElementById('drawn');
const origin = Object.fromEntries(['north', 'west', 'x', 'y', 'margin', 'unit'].map((name) => [name, Number(drawer?.dataset[name])]));

const spot = ([latitude, longitude]) => [
  (longitude - origin.west) * origin.x + origin.margin,
  (origin.north - latitude) * origin.y + origin.margin,
];
const degrees = (each) => Number(each.toFixed(DECIMALS));
const point = ([x, y]) => [
  degrees(origin.north - (y - origin.margin) / origin.y),
  degrees(origin.west + (x - origin.margin) / origin.x),
];

function at(event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [x, y];
}

function made(name, className, label, parent) {
  const found = parent.appendChild(document.createElementNS(SVG, name));
  found.setAttribute('class', className);
  found.setAttribute('tabindex', '0');
  found.setAttribute('role', 'button');
  found.setAttribute('aria-label', label);
  return found;
}

function area(spots) {
  const twice = spots.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = spots[(i + 1) % spots.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(twice / 2);
}

// Where a new corner goes: into the side that is nearest to it.
function sideOf([x, y], spots) {
  const far = spots.map(([x1, y1], i) => {
    const [x2, y2] = spots[(i + 1) % spots.length];
    const along = Math.min(1, Math.max(0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2 || 1)));
    return Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1));
  });
  return far.indexOf(Math.min(...far)) + 1;
}

class Drawing {
  constructor() {
    this.layer = svg.appendChild(document.createElementNS(SVG, 'g'));
    this.corners = [];
    this.read();
    outline.addEventListener('input', () => this.read());
    svg.addEventListener('click', (event) => {
      if (!event.target.closest('.corner, .draft')) this.add(at(event));
    });
  }

  read() {
    const lines = outline.value.split('\n').map((line) => line.match(/[-+]?\d+(\.\d+)?/g)?.map(Number));
    this.corners = lines.filter((found) => found?.length === 2).map(spot);
    this.draw();
  }

  write(said) {
    outline.value = this.corners.map((each) => point(each).join(', ')).join('\n');
    outline.removeAttribute('aria-invalid');
    const size = this.corners.length > 2 ? `, ${area(this.corners).toFixed(0)} m²` : '';
    told.textContent = `${said}: ${this.corners.length} corners${size}.`;
  }

  add(where) {
    const position = this.corners.length < 3 ? this.corners.length : sideOf(where, this.corners);
    this.corners.splice(position, 0, where);
    this.draw(position);
    this.write(`Corner ${position + 1} added`);
  }

  addBehind(index) {
    const [x, y] = this.corners[index] ?? [0, 0];
    const [nextX, nextY] = this.corners[(index + 1) % this.corners.length] ?? [0, 0];
    const where = this.corners.length > 1 ? [(x + nextX) / 2, (y + nextY) / 2] : [x + LEAP_M, y];
    this.corners.splice(index + 1, 0, where);
    this.draw(index + 1);
    this.write(`Corner ${index + 2} added`);
  }

  remove(index) {
    this.corners.splice(index, 1);
    this.draw(Math.min(index, this.corners.length - 1));
    this.write(`Corner ${index + 1} taken away`);
  }

  anew() {
    this.corners = [];
    this.draw();
    this.write('Drawn anew');
  }

  start() {
    const { width, height } = svg.viewBox.baseVal;
    this.corners.push([width / 2, height / 2]);
    this.draw(this.corners.length - 1);
    this.write(`Corner ${this.corners.length} added`);
  }

  // Moves one corner, or all of them.
  move(index, dx, dy) {
    this.corners = this.corners.map(([x, y], i) => (index === null || i === index ? [x + dx, y + dy] : [x, y]));
    this.place();
    this.write(index === null ? 'Section moved' : `Corner ${index + 1} moved`);
  }

  draw(focused = -1) {
    this.layer.replaceChildren();
    if (this.corners.length) {
      this.body = made('polygon', 'draft', 'The section as a whole', this.layer);
      this.handle(this.body, null);
    }
    this.handles = this.corners.map((_, index) => {
      const corner = made('circle', 'corner', `Corner ${index + 1} of ${this.corners.length}`, this.layer);
      corner.setAttribute('r', origin.unit * 0.45);
      this.handle(corner, index);
      return corner;
    });
    this.place();
    this.handles[focused]?.focus();
  }

  place() {
    this.body?.setAttribute('points', this.corners.map((each) => each.join()).join(' '));
    this.handles.forEach((each, index) => {
      each.setAttribute('cx', this.corners[index][0]);
      each.setAttribute('cy', this.corners[index][1]);
    });
  }

  handle(element, index) {
    element.addEventListener('keydown', (event) => {
      const arrow = ARROWS[event.key];
      const step = event.shiftKey ? LEAP_M : STEP_M;
      if (arrow) this.move(index, arrow[0] * step, arrow[1] * step);
      else if (event.key === 'Insert' || event.key === '+') this.addBehind(index ?? this.corners.length - 1);
      else if ((event.key === 'Delete' || event.key === 'Backspace') && index !== null) this.remove(index);
      else return;
      event.preventDefault();
    });
    let from = null;
    element.addEventListener('pointerdown', (event) => {
      from = at(event);
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener('pointermove', (event) => {
      if (!from) return;
      const to = at(event);
      this.move(index, to[0] - from[0], to[1] - from[1]);
      from = to;
    });
    for (const end of ['pointerup', 'pointercancel']) element.addEventListener(end, () => (from = null));
  }
}

if (svg && drawer.dataset.form) {
  document.getElementById('how').hidden = false;
  document.getElementById('else').hidden = true;
  svg.setAttribute('role', 'group'); // a picture has no parts that one can go to
  if (outline) {
    drawer.classList.add('drawing');
    const drawing = new Drawing();
    document.getElementById('tools').hidden = false;
    document.getElementById('add').addEventListener('click', () =>
      drawing.corners.length ? drawing.addBehind(drawing.corners.length - 1) : drawing.start());
    document.getElementById('anew').addEventListener('click', () => drawing.anew());
  } else {
    drawer.classList.add('drawing');
    svg.addEventListener('click', (event) => {
      const [latitude, longitude] = point(at(event));
      document.getElementById('latitude').value = latitude;
      document.getElementById('longitude').value = longitude;
      told.textContent = `The door is at ${latitude}, ${longitude}.`;
    });
  }
}
