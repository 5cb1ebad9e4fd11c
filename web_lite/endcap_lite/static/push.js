// On an offer's own page: notifications for when the page is closed. She has used an offer, and asks for them herself.

const button = document.getElementById('push');
const status = document.getElementById('push-status');
const { on, no } = status.dataset;
const PATIENCE_MS = 1e4; // with a worker that is being installed; one that fails at it is waited for in vain
const supported = 'PushManager' in self && 'serviceWorker' in navigator;

async function subscribed(manager, asked) {
  try {
    return await manager.subscribe(asked);
  } catch (fault) {
    if (fault.name !== 'InvalidStateError') throw fault;
    await (await manager.getSubscription()).unsubscribe(); // it is to a key that the shop has no more
    return manager.subscribe(asked);
  }
}

async function worker() {
  if (!(await navigator.serviceWorker.getRegistration())) throw new Error('no worker');
  const late = new Promise((_, fail) => setTimeout(fail, PATIENCE_MS));
  return Promise.race([navigator.serviceWorker.ready, late]);
}

async function subscribe() {
  if ((await Notification.requestPermission()) !== 'granted') return no;
  const { pushManager } = await worker();
  const asked = { userVisibleOnly: true, applicationServerKey: button.dataset.key };
  const subscription = await subscribed(pushManager, asked);
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch('/push', { method: 'POST', headers, body: JSON.stringify(subscription) });
  if (!answer.ok) await subscription.unsubscribe();
  return answer.ok ? on : no;
}

if (supported) {
  button.hidden = Notification.permission === 'denied';
  button.onclick = async () => {
    status.textContent = await subscribe().catch(() => no);
    button.hidden = status.textContent === on;
  };
}
