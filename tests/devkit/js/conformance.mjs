// What the official JavaScript client sees of the local Ably. Run: node conformance.mjs <scenario>, the server in
// ABLY_URL and ABLY_KEY, the client's folder in ABLY_MODULE. Prints one line of JSON with what was seen.

import { createRequire } from 'node:module';

const Ably = createRequire(import.meta.url)(process.env.ABLY_MODULE);
const url = new URL(process.env.ABLY_URL);
const key = process.env.ABLY_KEY;
const binary = process.env.ABLY_BINARY === '1';
const tls = url.protocol === 'https:';
const place = { endpoint: url.hostname, port: Number(url.port), tlsPort: Number(url.port), tls };
const clients = [];

function realtime(options = {}) {
  const auth = options.authCallback || options.token ? {} : { key };
  const client = new Ably.Realtime({
    ...place, ...auth, useBinaryProtocol: binary, disconnectedRetryTimeout: 200, logLevel: 0,
    transports: ['web_socket'], ...options,
  });
  clients.push(client);
  return client;
}

const rest = (options = {}) => new Ably.Rest({ ...place, key, useBinaryProtocol: binary, logLevel: 0, ...options });

function queue() {
  const items = [], waiting = [];
  return {
    put: (item) => (waiting.length ? waiting.shift()(item) : items.push(item)),
    take: () => (items.length ? Promise.resolve(items.shift()) : new Promise((resolve) => waiting.push(resolve))),
    async several(count) {
      const found = [];
      while (found.length < count) found.push(await this.take());
      return found;
    },
  };
}

async function listen(client, name, options) {
  const heard = queue();
  await client.channels.get(name, options).subscribe((message) => heard.put(message.data));
  return heard;
}

async function fault(name, options) {
  const reply = await fetch(new URL(`/local/faults/${name}`, url), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(options),
  });
  if (!reply.ok) throw new Error(await reply.text());
}

async function codeOf(work) {
  try {
    await work;
    return 0;
  } catch (error) {
    return error.code;
  }
}

const tokens = (params) => {
  const issued = [];
  return { issued, callback: (_, done) => rest().auth.createTokenRequest(params).then((each) => { issued.push(each); done(null, each); }, (error) => done(error, null)) };
};

const scenarios = {
  async publish() {
    const heard = await listen(realtime(), 'chat');
    const channel = realtime().channels.get('chat');
    for (const data of [{ x: 1 }, 'text', Buffer.from([0, 255]), null]) await channel.publish('said', data);
    return (await heard.several(4)).map((data) => (Buffer.isBuffer(data) ? [...data] : data ?? null));
  },

  async token_renewed_in_mid_stream() {
    const { issued, callback } = tokens({ clientId: 'u1', ttl: 60000 });
    const listener = realtime({ authCallback: callback }), speaker = realtime().channels.get('chat');
    const heard = await listen(listener, 'chat'), told = [];
    for (let number = 0; number < 8; number += 2) {
      await speaker.publish('n', String(number));
      told.push(await heard.take());
      const back = listener.connection.once('connected');
      await fault('expire', { clientId: 'u1' });
      await speaker.publish('n', String(number + 1));
      await back;
      told.push(await heard.take());
    }
    return { told, issued: issued.length };
  },

  async offline_publishes_arrive_once() {
    const heard = await listen(realtime(), 'chat');
    const speaker = realtime({ clientId: 'speaker' }), channel = speaker.channels.get('chat');
    await channel.publish('n', 'before');
    const down = speaker.connection.once('disconnected');
    await fault('refuse', { count: 2 });
    await fault('drop', { clientId: 'speaker' });
    await down;
    await Promise.all([...Array(20).keys()].map((number) => channel.publish('n', String(number))));
    await channel.publish('n', 'after');
    return heard.several(22);
  },

  async an_unanswered_publish_is_sent_again_and_published_once() {
    const heard = await listen(realtime(), 'chat');
    const speaker = realtime({ clientId: 'speaker' }), channel = speaker.channels.get('chat');
    await channel.publish('n', '0');
    await fault('delay', { count: 1, delay_ms: 400 });
    const published = channel.publish('n', '1');
    await fault('drop', { clientId: 'speaker' });
    await published;
    await channel.publish('n', '2');
    return heard.several(3);
  },

  async rewind() {
    const channel = realtime().channels.get('chat');
    for (const data of ['old', 'last']) await channel.publish('n', data);
    const heard = await listen(realtime(), 'chat', { params: { rewind: '1' } });
    await channel.publish('n', 'new');
    return heard.several(2);
  },

  async recover() {
    const first = realtime(), speaker = realtime().channels.get('chat');
    const heard = await listen(first, 'chat');
    await speaker.publish('n', 'before');
    await heard.take();
    const recoveryKey = first.connection.createRecoveryKey(), id = first.connection.id;
    await speaker.publish('n', 'missed');
    const second = realtime({ recover: recoveryKey });
    const again = await listen(second, 'chat');
    return { heard: await again.take(), same: second.connection.id === id };
  },

  async presence() {
    const watcher = realtime().channels.get('room'), seen = queue();
    await watcher.presence.subscribe((member) => seen.put([member.action, member.clientId, member.data ?? null]));
    const member = realtime({ clientId: 'u1' }).channels.get('room');
    await member.presence.enter({ aisle: 3 });
    await member.presence.update({ aisle: 4 });
    const members = (await watcher.presence.get()).map((each) => each.clientId);
    await member.presence.leave();
    return { members, seen: await seen.several(3) };
  },

  async capability() {
    const token = (await rest().auth.requestToken({ clientId: 'a', capability: { 'promotions:a': ['subscribe', 'history'] } })).token;
    const client = realtime({ token, clientId: 'a' });
    return [
      await codeOf(client.channels.get('promotions:a').attach()),
      await codeOf(client.channels.get('promotions:b').attach()),
      await codeOf(client.channels.get('promotions:a').publish('n', '1')),
    ];
  },

  async history_and_batch() {
    const client = rest();
    await client.batchPublish({ channels: ['chat', 'other'], messages: [...Array(7).keys()].map((number) => ({ name: 'n', data: String(number) })) });
    let page = await client.channels.get('chat').history({ limit: 3, direction: 'forwards' });
    const told = [];
    for (;;) {
      told.push(...page.items.map((message) => message.data));
      if (!page.hasNext()) break;
      page = await page.next();
    }
    const status = await client.channels.get('chat').status();
    return { told, active: status.status.isActive, time: Math.abs((await client.time()) - Date.now()) < 10000 };
  },
};

const seen = await scenarios[process.argv[2]]();
console.log(JSON.stringify(seen));
for (const client of clients) client.close();
process.exit(0);
