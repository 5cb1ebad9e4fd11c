// Who moves: people as dots that glide between the places told five times a second, and the offers they receive.

import { FONT } from './ground.js';

const GLIDE_MS = 260; // a little over the fifth of a second between two frames
const PULSE_MS = 4200;
const TAGS = 6; // of the newest offers; older ones keep their ring
const TRAIL = 90; // places kept of whoever is followed
const IN_STORE = 1, PAUSING = 2;

export class Crowd {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.people = new Map();
    this.pulses = [];
    this.followed = null;
    this.trail = [];
  }

  came(label) {
    const [number, name, way] = label;
    if (!this.people.has(number)) this.people.set(number, { number, name, way, seen: false });
  }

  left(number) {
    this.people.delete(number);
    if (this.followed === number) this.follow(null);
  }

  follow(number) {
    this.followed = number;
    this.trail = [];
  }

  /** A binary frame: 8 bytes of time, then number, place, place heard (int16 dm), accuracy (m), flags. */
  frame(buffer) {
    const view = new DataView(buffer), now = performance.now();
    for (let at = 8; at + 12 <= view.byteLength; at += 12) {
      const person = this.people.get(view.getUint16(at, true));
      if (!person) continue;
      const x = view.getInt16(at + 2, true), y = view.getInt16(at + 4, true);
      const [fromX, fromY] = person.seen ? this.spot(person, now) : [x, y];
      Object.assign(person, {
        seen: true, fromX, fromY, x, y, since: now,
        heardX: view.getInt16(at + 6, true), heardY: view.getInt16(at + 8, true),
        accuracy: view.getUint8(at + 10), flags: view.getUint8(at + 11),
      });
      if (person.number === this.followed) this.remember(person);
    }
  }

  remember(person) {
    const last = this.trail.at(-1);
    if (!last || last[0] !== person.heardX || last[1] !== person.heardY) this.trail.push([person.heardX, person.heardY]);
    if (this.trail.length > TRAIL) this.trail.shift();
  }

  spot(person, now) {
    const done = Math.min(1, Math.max(0, now - person.since) / GLIDE_MS);
    return [person.fromX + (person.x - person.fromX) * done, person.fromY + (person.y - person.fromY) * done];
  }

  pulse(alert) {
    this.pulses.push({ ...alert, start: performance.now() });
    if (this.pulses.length > 40) this.pulses.shift();
  }

  /** The person nearest to a pixel, within a finger's width. */
  at(px, py, camera, reach = 18) {
    const now = performance.now();
    let best = null, nearest = reach;
    for (const person of this.people.values()) {
      if (!person.seen) continue;
      const [x, y] = this.spot(person, now);
      const distance = Math.hypot(camera.across(x) - px, camera.down(y) - py) - (person.way === 'http' ? 0 : 3);
      if (distance < nearest) [best, nearest] = [person, distance];
    }
    return best;
  }

  /** `labels` is a sheet of the map's words, as large as the canvas: above the pulses, below the people. */
  draw(camera, colours, ratio, now, labels) {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const followed = this.people.get(this.followed);
    if (followed?.seen) this.drawTrail(followed, camera, colours);
    this.pulses = this.pulses.filter((pulse) => now - pulse.start < PULSE_MS);
    this.pulses.forEach((pulse, i) => this.drawPulse(pulse, this.pulses.length - i <= TAGS, camera, colours, now));
    this.lay(labels, ratio);
    const radius = Math.min(7, Math.max(2.6, 1.6 + camera.pixelsPerMetre * 0.9));
    const shown = [...this.people.values()].filter((person) => person.seen);
    shown.sort((a, b) => (a.way === 'http' ? 0 : 1) - (b.way === 'http' ? 0 : 1));
    for (const person of shown) this.drawPerson(person, radius, camera, colours, now);
  }

  lay(labels, ratio) {
    const { pen } = this;
    if (!labels.width || !labels.height) return; // a window of no size
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(labels, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  drawPerson(person, radius, camera, colours, now) {
    const { pen } = this;
    const [wx, wy] = this.spot(person, now);
    const [x, y] = [camera.across(wx), camera.down(wy)];
    if (x < -20 || y < -20 || x > camera.width + 20 || y > camera.height + 20) return;
    const own = person.way !== 'http';
    const size = own ? radius + 2 : radius;
    circle(pen, x, y, size + 1.4);
    pen.fillStyle = colours['http-edge'];
    pen.fill();
    circle(pen, x, y, size);
    pen.fillStyle = person.way === 'guest' ? colours.guest : own ? colours.sdk : colours.http;
    pen.fill();
    if (person.way === 'recorded') {
      circle(pen, x, y, size * 0.42);
      pen.fillStyle = colours['http-edge'];
      pen.fill();
    }
    if (person.number === this.followed) ring(pen, x, y, size + 6, colours.sdk, 2.5);
    if (own || person.number === this.followed || camera.pixelsPerMetre > 7) this.name(person, x, y + size + 11, colours, own);
  }

  name(person, x, y, colours, own) {
    const { pen } = this;
    pen.font = `${own ? 600 : 500} 11.5px ${FONT}`;
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.lineWidth = 3;
    pen.lineJoin = 'round';
    pen.strokeStyle = colours.halo;
    pen.strokeText(person.name, x, y);
    pen.fillStyle = person.way === 'guest' ? colours.guest : own ? colours.sdk : colours.ink;
    pen.fillText(person.name, x, y);
  }

  drawTrail(person, camera, colours) {
    const { pen } = this;
    const [x, y] = [camera.across(person.heardX), camera.down(person.heardY)];
    pen.save();
    pen.globalAlpha = 0.14;
    circle(pen, x, y, Math.max(4, person.accuracy * camera.pixelsPerMetre));
    pen.fillStyle = colours.sdk;
    pen.fill();
    pen.globalAlpha = 0.55;
    pen.setLineDash([2, 5]);
    pen.lineCap = 'round';
    pen.lineWidth = 2;
    pen.strokeStyle = colours.sdk;
    pen.beginPath();
    this.trail.forEach(([tx, ty], i) => pen[i ? 'lineTo' : 'moveTo'](camera.across(tx), camera.down(ty)));
    pen.stroke();
    pen.restore();
  }

  drawPulse(pulse, tagged, camera, colours, now) {
    const person = this.people.get(pulse.number);
    const age = Math.max(0, now - pulse.start) / PULSE_MS; // a frame's time is that of its beginning: before the pulse's
    const fade = age < 0.75 ? 1 : 1 - (age - 0.75) / 0.25;
    const { pen } = this;
    pen.save();
    pen.globalAlpha = fade;
    if (person?.seen) {
      const [wx, wy] = this.spot(person, now);
      const [x, y] = [camera.across(wx), camera.down(wy)];
      if (pulse.shelf && camera.pixelsPerMetre > 0.8) this.drawReach(x, y, pulse, tagged, camera, colours);
      const grown = Math.min(1, age * 4), size = Math.min(1, 0.45 + camera.pixelsPerMetre * 0.4);
      ring(pen, x, y, (7 + 15 * (1 - (1 - grown) ** 3)) * size, colours.offer, 2.4 * size, fade * (1 - grown * 0.75));
      ring(pen, x, y, 8 * size, colours.offer, 2.2 * size, fade);
    }
    pen.restore();
  }

  drawReach(x, y, pulse, tagged, camera, colours) {
    const { pen } = this;
    const [sx, sy] = [camera.across(pulse.shelf[0]), camera.down(pulse.shelf[1])];
    pen.strokeStyle = colours.offer;
    pen.lineWidth = 1.6;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(sx, sy);
    pen.stroke();
    circle(pen, sx, sy, 3);
    pen.fillStyle = colours.offer;
    pen.fill();
    if (pulse.cut && tagged) tag(pen, sx, Math.min(sy, y) - 22, pulse.cut, colours);
  }
}

function tag(pen, x, y, text, colours) {
  pen.font = `650 11.5px ${FONT}`;
  const width = pen.measureText(text).width + 14;
  pen.fillStyle = colours.offer;
  pen.beginPath();
  pen.roundRect(x - width / 2, y - 10, width, 20, 10);
  pen.fill();
  pen.fillStyle = colours.surface;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(text, x, y + 0.5);
}

function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

function ring(pen, x, y, radius, colour, width, alpha = 1) {
  pen.save();
  pen.globalAlpha *= alpha;
  circle(pen, x, y, radius);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
  pen.restore();
}

export const isInStore = (person) => Boolean(person.flags & IN_STORE);
export const isPausing = (person) => Boolean(person.flags & PAUSING);
