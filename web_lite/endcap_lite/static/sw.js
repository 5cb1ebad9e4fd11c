// Without a network: the page as a stranger sees it, and its files. The page itself adds the last offers.
// FILES and VERSION stand before this text when it is served. Nothing of a shopper is ever kept here.

addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(FILES)));
});

addEventListener('activate', (event) => {
  const drop = (names) => Promise.all(names.filter((name) => name !== VERSION).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop));
});

addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.mode === 'navigate' && request.method === 'GET') {
    event.respondWith(fetch(request).catch(() => caches.match(FILES[0])));
  } else if (FILES.includes(request.url.slice(location.origin.length))) {
    event.respondWith(caches.match(request).then((kept) => kept || fetch(request)));
  }
});

// An offer for a page that is closed. One that is open and seen has it already.
addEventListener('push', (event) => {
  const { id, title, why } = event.data.json();
  const show = (pages) =>
    pages.some(({ visibilityState }) => visibilityState === 'visible') ||
    registration.showNotification(title, { body: why, tag: id, icon: '/icon.svg', data: '/offer/' + encodeURIComponent(id) });
  event.waitUntil(clients.matchAll({ type: 'window', includeUncontrolled: true }).then(show));
});

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(clients.openWindow(event.notification.data));
});
