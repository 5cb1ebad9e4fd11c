// The words beside the map: figures, cards of offers, and whoever is followed.

import { isInStore, isPausing } from './crowd.js';

const CARDS = 40;
const WAYS = {
  http: 'Her fixes go to the backend in batches, by HTTP',
  sdk: 'Her phone runs the SDK: geofences, outbox, Ably',
  recorded: 'A recorded walk, replayed through the SDK; moved here from Slovenia',
  guest: 'A guest, by the lite page',
};

export class Panel {
  constructor(onPick) {
    this.feed = document.getElementById('feed');
    this.empty = document.getElementById('empty');
    this.her = document.getElementById('her');
    this.onPick = onPick;
    this.alerts = [];
    this.only = null;
    setInterval(() => this.age(), 1000);
  }

  links(links) {
    const lite = document.getElementById('lite');
    if (links.lite) {
      lite.href = links.lite;
      lite.hidden = false;
      if (links.phones) document.getElementById('lite-how').textContent = links.phones;
    }
    const list = document.getElementById('links');
    list.replaceChildren(...Object.entries(links).filter(([name]) => !['lite', 'phones'].includes(name)).map(([name, href]) => {
      const link = document.createElement('a');
      link.href = href;
      link.textContent = name;
      return link;
    }));
  }

  figures(figures) {
    for (const place of document.querySelectorAll('[data-figure]')) {
      place.textContent = figure(place.dataset.figure, figures);
    }
    for (const spark of document.querySelectorAll('[data-spark]')) {
      spark.firstElementChild.setAttribute('d', sparkline(figures.history?.[spark.dataset.spark] ?? []));
    }
  }

  alert(alert, fresh = true) {
    this.alerts.unshift(alert);
    this.alerts.length = Math.min(this.alerts.length, 400);
    if (this.only !== null && alert.number !== this.only) return;
    this.feed.prepend(this.card(alert, fresh));
    while (this.feed.children.length > CARDS) this.feed.lastElementChild.remove();
    this.empty.hidden = true;
  }

  /** A phone with the SDK noticed that its owner entered or left a store. */
  visit(visit) {
    if (this.only !== null && visit.number !== this.only) return;
    const item = element('li', 'visit new');
    const text = visit.kind === 'enter' ? `${visit.name} entered ${visit.store}` : `${visit.name} left ${visit.store}`;
    const time = element('time', '', 'now');
    time.dataset.at = Date.now();
    item.append(element('i', 'dot sdk'), element('span', '', text), time);
    this.feed.prepend(item);
  }

  /** Show only one person's offers, or everybody's again (null). */
  show(person) {
    this.only = person?.number ?? null;
    this.her.hidden = !person;
    const cards = this.alerts.filter((alert) => this.only === null || alert.number === this.only).slice(0, CARDS);
    this.feed.replaceChildren(...cards.map((alert) => this.card(alert, false)));
    this.empty.hidden = cards.length > 0;
    document.getElementById('feed-title').textContent = person ? `What ${person.name} was offered` : 'Offers as they arrive';
    this.empty.textContent = person ? 'Nothing yet.' : 'The first ones come when somebody walks past a promoted shelf.';
    if (person) {
      this.her.querySelector('h2').textContent = person.name;
      this.her.querySelector('.dot').className = `dot ${person.way}`;
      this.her.querySelector('.how').textContent = WAYS[person.way];
    }
  }

  place(person, store) {
    const doing = isPausing(person) ? 'stands' : 'walks';
    const where = store ? `in ${store}` : isInStore(person) ? 'in a store' : 'down the street';
    const text = `She ${doing} ${where}; her phone is sure to ±\u00a0${person.accuracy}\u00a0m`;
    const line = this.her.querySelector('.place');
    if (line.textContent !== text) line.textContent = text;
  }

  card(alert, fresh) {
    const item = document.createElement('li');
    const card = document.createElement('button');
    card.type = 'button';
    card.className = fresh ? 'card new' : 'card';
    card.append(
      element('span', 'cut', alert.cut ?? KINDS[alert.kind] ?? '•'),
      element('span', 'title', alert.title),
      element('span', 'why', alert.why),
      this.who(alert),
    );
    card.addEventListener('click', () => this.onPick(alert.number));
    item.append(card);
    return item;
  }

  who(alert) {
    const who = element('span', 'who');
    who.append(element('i', `dot ${alert.way}`), alert.latency_ms == null ? alert.name : `${alert.name} · after ${ms(alert.latency_ms)}`);
    const time = element('time', '', ago(alert.at));
    time.dataset.at = alert.at;
    who.append(time);
    return who;
  }

  age() {
    for (const time of this.feed.querySelectorAll('time')) time.textContent = ago(Number(time.dataset.at));
  }
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact' });
const KINDS = { deal: '%', wanted: '★', help: '?', alternative: '⇄' };

function element(name, kind, text = '') {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

function figure(name, figures) {
  const value = figures[name];
  if (value == null) return name === 'p50_ms' ? '–' : '';
  if (name === 'in_stores') return `${value} in stores`;
  if (name === 'matches') return `of ${COMPACT.format(value)} matches`;
  if (name === 'p50_ms') return ms(value);
  if (name === 'p95_ms') return `p95 ${ms(value)}`;
  return Math.round(value).toLocaleString('en');
}

const ms = (value) => (value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);

function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  return seconds < 2 ? 'now' : seconds < 60 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
}

function sparkline(values) {
  if (values.length < 2) return '';
  const top = Math.max(...values, 1);
  return values.map((value, i) => `${i ? 'L' : 'M'}${((i / (values.length - 1)) * 60).toFixed(1)} ${(17 - (value / top) * 15).toFixed(1)}`).join('');
}
