// One tap: fixes go out to our own origin, offers come in by EventSource. No library, no build step.
// Field names are those of the messages `customers_locations` and `customers_alerts`.

const SLOW_MS = 1e4, // without a fix for so long, a sign is offered
  SILENCE_MS = [3e4, 35e3, 45e3, 9e4], // a watch this quiet has died, some phones' do after a timeout; then less often
  CARDS = 50,
  HOUR_MS = 36e5;

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const words = JSON.parse(document.body.dataset.words);
const list = $('offers'), form = $('sign');
const place = isSecureContext && navigator.geolocation;

const script = '/sw.js?lang=' + root.lang;
const worker = self.trustedTypes?.createPolicy('sw', { createScriptURL: () => script }).createScriptURL('') || script;

let live; // the number of her visit once she has said yes; false when it is over
let joined, claiming, watch, slow, watchdog, renew, stream, lastEvent, said, sending, newest, heard,
  silent = 0, failures = 0, tries = 0, claims = 0,
  visit = 1, // goes up with each stop
  skew = 0, // the shop's clock minus the phone's, which may be hours off
  key = '',
  queue = [],
  offers = []; // as on the page, newest first

// A captive browser has no storage: then nothing is remembered, and everything else works.
function remember(name, value) {
  try {
    if (value !== undefined) localStorage[name] = JSON.stringify(value);
    return JSON.parse(localStorage[name] || 0);
  } catch {}
}

const distance = (m) => fill('metres', { n: Math.round(m).toLocaleString(root.lang) });
const clock = (ms) => new Date(ms).toLocaleTimeString(root.lang, { timeStyle: 'short' });
const fill = (name, values) => words[name].replace(/{(\w+)}/g, (_, key) => values[key]);

function say(name, values, state) {
  if (name !== 'new') said = name;
  $('status').textContent = fill(name, values);
  if (state) root.dataset.state = state;
  buttons();
}

function buttons() {
  $('go').hidden = live || !place;
  $('stop').hidden = !live && !remember('visit');
}

// Position

function start() {
  begin();
  say('asking', 0, 'asking');
  slow = setTimeout(say, SLOW_MS, 'slow');
  const precisely = { enableHighAccuracy: true, timeout: SLOW_MS };
  place.getCurrentPosition((fix) => { took(fix); look(); }, (fault) => { failed(fault); look(); }, precisely);
  guard();
}

function look() {
  if (!live) return;
  place.clearWatch(watch);
  watch = place.watchPosition(took, failed, { enableHighAccuracy: true, maximumAge: 5e3 });
  guard();
}

function guard() {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => { silent++; look(); }, SILENCE_MS[Math.min(silent, 3)]);
}

function took({ coords: { latitude, longitude, accuracy }, timestamp }) {
  if (!live) return;
  silent = 0;
  clearTimeout(slow);
  guard();
  const found = accuracy > document.body.dataset.vague ? 'vague' : 'sharing';
  if (said !== found && !failures && navigator.onLine) say(found, { distance: distance(accuracy) }, 'sharing');
  if (found !== 'sharing') return;
  const now = Date.now();
  const at = Math.abs(now - timestamp) < HOUR_MS ? Math.round(timestamp) : now;
  if (at === newest) return; // the same fix again
  newest = at;
  queue = [...queue, { latitude, longitude, accuracy_m: accuracy, at }].slice(-200); // as many as a post may hold
  send();
}

function failed({ code }) {
  if (!live || code !== 1) return; // 2 and 3 mean that it is still looking
  end();
  remember('consented', 0);
  say('refused', 0, 'refused');
  tell('help-text', '/help');
}

async function send() {
  if (sending || !live || !queue.length) return;
  sending = true;
  const batch = queue;
  let wait = 1e3; // at most one message a second
  try {
    const answer = await call('/fix', JSON.stringify({ now: Date.now(), fixes: batch }));
    if (answer.status < 500 && ![401, 429].includes(answer.status)) {
      queue = queue.filter((fix) => !batch.includes(fix));
      tries = 0;
    } else wait = patience(tries++, answer);
  } catch {
    wait = patience(tries++);
  }
  setTimeout(() => { sending = false; send(); }, wait);
}

const patience = (count, answer) =>
  answer?.headers.get('Retry-After') * 1e3 || Math.min(15, 2 ** count) * 500 * (1 + Math.random());

const post = (path, body) =>
  fetch(path, { method: 'POST', keepalive: true, body, headers: { 'X-Visit': key, Accept: 'application/json' } });

// In her visit's name, and in that of no other: what waits while she stops is not sent when she begins anew. A browser
// that keeps no cookie gets a key instead, when it is first not known.
async function call(path, body) {
  const mine = live;
  await joined;
  if (mine !== live) throw 0;
  const answer = await post(path, body);
  if (mine !== live || answer.status !== 401) return answer;
  lastEvent = '';
  await listen('/stream?keyed');
  if (mine !== live) throw 0;
  return post(path, body);
}

// Offers

// The visit's cookie comes with the first answer: whatever needs it waits for `joined`, and so does the next one, or
// each might open a visit, and she would be seen in the one and listen in the other. One that hangs is passed by.
const listen = (path) =>
  (joined = Promise.race([joined, new Promise((go) => setTimeout(go, 1e4))]).then(() => live && join(path)));

async function join(path = '/stream') {
  clearTimeout(renew);
  const mine = live;
  let answer;
  try {
    answer = await post(path);
    const ticket = answer.ok && (await answer.json());
    key = ticket.visit || key;
    if (mine !== live) return post('/stop').then(({ ok }) => !ok, () => 1); // she stopped meanwhile
    if (ticket) return open(ticket);
  } catch {} // told with the rest
  if (mine !== live) return;
  trouble(answer);
  again(answer);
}

function again(answer) {
  clearTimeout(renew);
  if (++failures > 2) poll();
  renew = setTimeout(() => listen(), patience(failures, answer));
}

function open({ url, seconds, now }) {
  skew = now - Date.now();
  stream?.close();
  stream = new EventSource(url + (lastEvent ? '&lastEvent=' + encodeURIComponent(lastEvent) : '&rewind=100'));
  stream.onopen = () => {
    if (!failures) return;
    failures = 0;
    poll();
    $('status').textContent = said = ''; // what was wrong is over; the next fix says how it stands
  };
  stream.onmessage = (event) => {
    lastEvent = event.lastEventId;
    read(event.data);
  };
  stream.onerror = () => {
    stream.close(); // by itself it would come back for ever with the dead token
    again();
  };
  renew = setTimeout(() => listen(), seconds * 800);
}

async function poll() {
  try {
    const answer = await (await fetch('/offers', { headers: { 'X-Visit': key } })).json();
    if (live !== false) answer.offers.reverse().forEach((offer) => show(offer, !live)); // else she said stop meanwhile
  } catch {} // the next one may come through
}

function read(text) {
  try {
    let { data, encoding } = JSON.parse(text);
    if (/base64$/.test(encoding)) data = new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt()));
    data = data.id ? data : JSON.parse(data);
    data.notice === 'pickup' ? tell('status', '/ready') : show(data);
  } catch {} // no offer of ours
}

const tell = async (id, path) => ($(id).textContent = await (await fetch(path + location.search)).text());

function show(offer, quietly) {
  const ends = Date.parse(offer.expires_at), left = ends - skew - Date.now();
  if (!(left > 0) || offers.some(({ id }) => id === offer.id)) return;
  const item = $('card').content.firstElementChild.cloneNode(true);
  const [kind, why, where] = item.querySelectorAll('p');
  item.querySelector('use').href.baseVal = '#' + offer.kind;
  kind.textContent = words[offer.kind];
  const title = item.querySelector('a');
  title.textContent = offer.title;
  title.href += offer.id;
  why.textContent = offer.why;
  where.textContent = [
    offer.distance_ft && distance(offer.distance_ft * 0.3048),
    offer.section,
    left < 24 * HOUR_MS && fill('until', { time: clock(ends) }),
  ].filter(Boolean).join(' · ');
  list.prepend(item);
  if (!quietly) heard = Date.now();
  keep([offer, ...offers]);
  setTimeout(() => {
    item.remove();
    keep(offers.filter((each) => each !== offer));
  }, Math.min(left, 24 * HOUR_MS));
  if (list.children[CARDS]) list.lastChild.remove();
  if (!quietly) say('new', offer);
}

function keep(rest) {
  offers = rest.slice(0, CARDS);
  if (live) remember('offers', { at: heard, offers });
}

// Her word

function begin() {
  if (live) return;
  live = visit;
  remember('consented', 1);
  remember('visit', 1);
  buttons();
  listen();
  navigator.serviceWorker?.register(worker).catch(() => {});
}

function end() {
  live = false;
  place && place.clearWatch(watch);
  [slow, watchdog, renew, claiming].map(clearTimeout);
  stream?.close();
  stream = lastEvent = watch = claiming = undefined;
  queue = [];
}

// Owed until the shop has heard it. What may be opened at this moment ends when it is known, and the next yes waits.
function erase() {
  const paid = ([{ ok }, owed]) => ok && !owed && remember('owed', 0);
  joined = Promise.all([post('/stop'), joined]).then(paid, () => {});
}

function stop() {
  end();
  visit++;
  offers = [];
  list.replaceChildren();
  remember('offers', 0);
  remember('consented', 0);
  remember('visit', 0);
  remember('owed', 1);
  say('stopped', 0, 'first');
  erase();
}

async function claim(event) {
  event?.preventDefault();
  claiming = clearTimeout(claiming);
  begin();
  const mine = live;
  let answer;
  try {
    answer = await call(form.action, new URLSearchParams(new FormData(form)));
    const result = await answer.json();
    if (mine !== live) return;
    say(result.say, result, 'sharing');
    claims = 0;
  } catch {
    if (mine !== live) return;
    claiming = setTimeout(claim, patience(claims++, answer));
    trouble(answer);
  }
}

function back() {
  if (remember('owed')) erase();
  if (!live) return;
  if (watch) look();
  listen(); // a phone that slept may hold a stream that is dead and does not know it
  if (claiming) claim();
  send();
}

// With an answer the network is there, and it is the shop that can't.
function trouble(answer) {
  say(answer ? 'away' : offers.length ? 'offline' : 'offline_none', { age: clock(heard) });
}

$('go').onclick = start;
$('stop').onclick = stop;
if (form) form.onsubmit = claim;
ononline = back;
onoffline = () => trouble();
document.onvisibilitychange = () => document.hidden || back();

buttons();
if (!place) say('refused');
const written = list.firstChild;
list.replaceChildren(); // what the server wrote does not go when it ends
if (remember('owed')) erase();
else if (written) poll();
if (remember('consented')) {
  $('go').textContent = words.again;
  const kept = remember('offers');
  heard = kept?.at;
  kept?.offers.reverse().forEach((offer) => show(offer, 1));
  if (form?.sign) claim(); // she scanned a sign, and said yes before
  if (!navigator.onLine) trouble();
  else if (place) navigator.permissions?.query({ name: 'geolocation' }).then(({ state }) => state === 'granted' && start());
}
