// Joins the map, the people and the panel, and listens to what the demo says.

import { Camera } from './camera.js';
import { Crowd } from './crowd.js';
import { Ground, PLAN_FROM, visible } from './ground.js';
import { Panel } from './panel.js';

const CORE = [-4500, -2500, 3300, 2000]; // where the view starts: the shopping streets, in decimetres
const RETRY_MS = 1500;

const canvas = document.getElementById('live');
const where = document.querySelector('.where');
const CITY = where.textContent;
const state = document.getElementById('state');
const scene = await (await fetch('/scene.json')).json();
const ground = new Ground(document.getElementById('ground'), scene);
const crowd = new Crowd(canvas);
const camera = new Camera(extent(scene));
const panel = new Panel((number) => follow(number));
let colours = readColours();
let ratio = 1;

const observer = new ResizeObserver(() => resize());
resize();
camera.fit(CORE, { margin: 10, at_once: true });
observer.observe(canvas.parentElement);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours = readColours();
  camera.changed = true;
});
listen();
requestAnimationFrame(draw);
window.endcap = { camera, crowd, ground, follow }; // for tests and the curious

function listen() {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => (typeof data === 'string' ? hear(JSON.parse(data)) : crowd.frame(data));
  socket.onopen = () => { state.textContent = ''; };
  socket.onclose = () => {
    state.textContent = 'The demo does not answer. Trying again…';
    setTimeout(listen, RETRY_MS);
  };
}

function hear(message) {
  if (message.people) hello(message);
  for (const label of message.came ?? []) crowd.came(label);
  for (const number of message.left ?? []) {
    if (crowd.followed === number) follow(null);
    crowd.left(number);
  }
  if (message.alert) {
    crowd.pulse(message.alert);
    panel.alert(message.alert);
  }
  if (message.visit) panel.visit(message.visit);
  if (message.figures) panel.figures(message.figures);
}

function hello({ people, alerts, links }) {
  follow(null);
  crowd.people.clear();
  people.forEach((label) => crowd.came(label));
  panel.alerts = [];
  panel.show(null);
  alerts.forEach((alert) => panel.alert(alert, false));
  panel.links(links);
}

function follow(number) {
  const person = crowd.people.get(number) ?? null;
  crowd.follow(person?.number ?? null);
  panel.show(person);
  if (person?.seen) camera.glide(person.x, person.y, Math.max(camera.scale, 0.55));
}

function draw(now) {
  requestAnimationFrame(draw); // first: a fault costs one frame, not all that follow
  const person = crowd.people.get(crowd.followed);
  if (person?.seen) {
    const [x, y] = crowd.spot(person, now);
    camera.follow(x, y);
    panel.place(person, storeAt(x, y)?.name);
  }
  camera.step(now);
  if (camera.changed) {
    camera.changed = false;
    ground.draw(camera, colours, ratio);
    nameThePlace();
  }
  crowd.draw(camera, colours, ratio, now, ground.labels);
}

/** From near, the name of the store one looks at stands where the city's did. */
function nameThePlace() {
  const store = camera.pixelsPerMetre > PLAN_FROM ? storeAt(camera.x, camera.y) : null;
  where.textContent = store ? store.name : CITY;
}

function storeAt(x, y) {
  return ground.stores.find((store) => visible(camera, store) && inside(store.rings[0], x, y));
}

function inside(ring, x, y) {
  let is = false;
  for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
    if ((ring[i + 1] > y) !== (ring[j + 1] > y) && x < ((ring[j] - ring[i]) * (y - ring[i + 1])) / (ring[j + 1] - ring[i + 1]) + ring[i]) is = !is;
  }
  return is;
}

function resize() {
  const { clientWidth, clientHeight } = canvas.parentElement;
  ratio = Math.min(2, window.devicePixelRatio || 1);
  for (const each of [canvas, ground.canvas, ground.labels]) {
    each.width = Math.round(clientWidth * ratio);
    each.height = Math.round(clientHeight * ratio);
  }
  camera.resize(clientWidth, clientHeight);
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (kept, name) => (kept[name] ??= style.getPropertyValue(`--${name}`).trim()) });
}

function extent({ building }) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [ring] of building) {
    for (let i = 0; i < ring.length; i += 2) {
      bounds[0] = Math.min(bounds[0], ring[i]);
      bounds[1] = Math.min(bounds[1], ring[i + 1]);
      bounds[2] = Math.max(bounds[2], ring[i]);
      bounds[3] = Math.max(bounds[3], ring[i + 1]);
    }
  }
  return bounds;
}

// Hands: drag, wheel, pinch, click, keys.
const fingers = new Map();
let moved = 0;

canvas.addEventListener('pointerdown', (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
});

canvas.addEventListener('pointermove', (event) => {
  const last = fingers.get(event.pointerId);
  if (!last) {
    canvas.classList.toggle('over', Boolean(crowd.at(event.offsetX, event.offsetY, camera)));
    return;
  }
  const here = [event.offsetX, event.offsetY];
  if (fingers.size === 1) {
    moved += Math.hypot(here[0] - last[0], here[1] - last[1]);
    if (moved > 4) {
      canvas.classList.add('dragging');
      if (crowd.followed !== null) follow(null);
      camera.pan(here[0] - last[0], here[1] - last[1]);
    }
  } else {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const before = Math.hypot(last[0] - other[0], last[1] - other[1]) || 1;
    camera.zoom(Math.hypot(here[0] - other[0], here[1] - other[1]) / before, (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    moved = Infinity;
  }
  fingers.set(event.pointerId, here);
});

for (const name of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(name, (event) => {
    const known = fingers.delete(event.pointerId);
    canvas.classList.remove('dragging');
    if (known && name === 'pointerup' && moved <= 4) pick(event.offsetX, event.offsetY);
  });
}

function pick(px, py) {
  const person = crowd.at(px, py, camera);
  if (person) return follow(person.number);
  if (crowd.followed !== null) return follow(null);
  const store = storeAt(...camera.place(px, py));
  if (store && camera.pixelsPerMetre < 4.5) camera.fit(box(store), { margin: 60 });
  return undefined;
}

function box(store) {
  const ring = store.rings[0];
  const east = ring.filter((_, i) => i % 2 === 0), north = ring.filter((_, i) => i % 2);
  return [Math.min(...east), Math.min(...north), Math.max(...east), Math.max(...north)];
}

canvas.addEventListener('wheel', (event) => {
  event.preventDefault();
  camera.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
}, { passive: false });

canvas.addEventListener('keydown', (event) => {
  const keys = {
    '+': () => nearer(1.5), '=': () => nearer(1.5), '-': () => nearer(1 / 1.5), 0: showAll, Escape: () => follow(null),
    ArrowLeft: () => camera.pan(80, 0), ArrowRight: () => camera.pan(-80, 0), ArrowUp: () => camera.pan(0, 80), ArrowDown: () => camera.pan(0, -80),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

const nearer = (factor) => camera.glide(camera.x, camera.y, camera.scale * factor);
function showAll() {
  follow(null);
  camera.fit(CORE, { margin: 10 });
}
document.getElementById('nearer').addEventListener('click', () => nearer(1.8));
document.getElementById('farther').addEventListener('click', () => nearer(1 / 1.8));
document.getElementById('all').addEventListener('click', showAll);
document.getElementById('let-go').addEventListener('click', () => follow(null));
