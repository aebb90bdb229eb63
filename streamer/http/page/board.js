import { Card, amount } from './card.js';
import { Room } from './room.js';

const POLL_MS = 1000;
const POLL_TIMEOUT_MS = 3000;   // a poll that waits longer has no connection left
const STILL_MS = 500;           // between two stills, whatever number of streams
const HIDDEN_MS = 5000;         // a tab hidden for so long lets go of its pictures
const SETTLE_MS = 150;          // so long after the last scrolling it is decided who is in view
const GONE_MS = 5000;           // a stream missing for so long is taken off the page

const find = (id) => document.getElementById(id);
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** All streams: which there are, and which of them are live. */
class Board {
  #cards = new Map();
  #room = new Room(() => this.choose());
  #nodes = new Set();           // those that have answered: workers take turns
  #failures = 0;
  #hidden = false;              // whether the tab has been hidden for some time
  #polling = false;
  #settling = 0;
  #hiding = 0;
  #fetching = false;
  #wish = find('previews');
  #view = new IntersectionObserver((entries) => this.#scrolled(entries));

  constructor() {
    this.#wish.checked = recall('previews') !== 'off';
    this.#wish.onchange = () => this.#wished();
    find('watch').onsubmit = (event) => this.#watch(event);
    document.addEventListener('visibilitychange', () => this.#turned());
    setInterval(() => this.#poll(), POLL_MS);
    setInterval(() => this.#still(), STILL_MS);
    this.#turned();
    this.#poll();
  }

  async #poll() {
    if (!this.#hidden) this.#room.announce();
    if (this.#polling || this.#hidden) return;
    this.#polling = true;
    const started = performance.now();
    try {
      const answer = await fetch('streams', { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      this.#answered(await answer.json(), started);
    } catch (error) {
      this.#unanswered(error, started);
    }
    this.#polling = false;
  }

  #answered({ node, streams }, now) {
    const isAnew = this.#nodes.size > 0 && !this.#nodes.has(node);
    this.#nodes.add(node);
    for (const card of this.#cards.values()) {
      if (this.#failures) card.picture.doubt();
      if (!Object.hasOwn(streams, card.name)) card.miss(now, isAnew);
    }
    this.#failures = 0;
    const news = Object.entries(streams)
      .flatMap(([name, figures]) => this.#card(name).take(figures, isAnew));
    for (const card of this.#cards.values()) if (card.missedFor(GONE_MS)) this.#remove(card);
    this.#room.grow(now);
    this.choose();
    this.#tell(news);
  }

  #unanswered(error, now) {
    this.#failures += 1;
    const starved = error.name === 'TimeoutError';
    if (starved) this.#room.shrink(now);
    if (starved) this.choose();
    if (starved && this.#failures === 1) return;
    find('trouble').textContent = `The streamer does not answer (${error.message}). Trying again.`;
    this.#showReachable(false);
  }

  #tell(news) {
    let clients = 0;
    for (const { figures } of this.#cards.values()) clients += figures.connections;
    const streams = plural(this.#cards.size, 'stream');
    find('summary').textContent = `${streams}, ${plural(clients, 'client')}`;
    find('empty').hidden = this.#cards.size > 0;
    this.#showReachable(true);
    if (news.length) find('news').textContent = news.join('. ');
  }

  #showReachable(reachable) {
    find('trouble').hidden = reachable;
    find('streams').classList.toggle('away', !reachable);
  }

  /** Returns the card of a stream, in its place on the page. */
  #card(name) {
    const known = this.#cards.get(name);
    if (known) return known;
    const card = new Card(name, () => this.choose());
    const after = [...this.#cards.values()].find((each) => inOrder(each.name, name) > 0);
    find('streams').insertBefore(card.element, after?.element ?? null);
    this.#cards.set(name, card);
    this.#cards = new Map([...this.#cards].sort(([one], [other]) => inOrder(one, other)));
    card.element.card = card;
    this.#view.observe(card.element);
    return card;
  }

  #remove(card) {
    card.picture.close();
    card.element.remove();
    this.#view.unobserve(card.element);
    this.#cards.delete(card.name);
  }

  /**
   * Decides which pictures are live: those asked for first, then those that have any frames, then
   * those that are live already. One without frames is watched where there is room: its producer
   * may wait for a viewer.
   */
  choose() {
    const cards = [...this.#cards.values()];
    const wanted = cards.filter((card) => this.#wanted(card));
    wanted.sort((one, other) => other.picked - one.picked || other.hasFrames - one.hasFrames
      || other.picture.rank - one.picture.rank);
    const chosen = new Set(wanted.slice(0, this.#room.size));
    for (const card of cards) if (card.picture.live && !chosen.has(card)) card.picture.close();
    for (const card of chosen) if (!card.picture.live) card.picture.open();
    for (const card of cards) card.show();
  }

  #wanted(card) {
    const asked = this.#wish.checked || card.picked > 0;
    return asked && !card.paused && card.inView && card.isPicture && !this.#hidden;
  }

  /** Renews the oldest still of a stream that has newer frames. */
  async #still() {
    if (this.#fetching || this.#hidden || this.#failures || !this.#wish.checked) return;
    const due = [...this.#cards.values()].filter((card) => card.isDue);
    due.sort((one, other) => one.picture.stillAt - other.picture.stillAt);
    this.#fetching = true;
    await due[0]?.picture.still();
    this.#fetching = false;
  }

  #scrolled(entries) {
    for (const entry of entries) entry.target.card.inView = entry.isIntersecting;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.choose(), SETTLE_MS);
  }

  /** Shows a stream that nobody has published yet: its producer may wait for a viewer. */
  #watch(event) {
    event.preventDefault();
    const card = this.#card(event.target.elements.stream.value);
    card.pick();
    event.target.reset();
    find('empty').hidden = true;
    card.element.scrollIntoView({ block: 'nearest' });
    card.inView = true;
    this.choose();
  }

  #wished() {
    remember('previews', this.#wish.checked ? 'on' : 'off');
    for (const card of this.#cards.values()) card.unpick();
    this.choose();
  }

  #turned() {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => { this.#hidden = true; this.choose(); }, HIDDEN_MS);
    } else if (this.#hidden) {
      this.#hidden = false;
      this.#poll();
    }
  }
}

function plural(number, word) {
  return `${amount(number)} ${word}${number === 1 ? '' : 's'}`;
}

// A browser that keeps nothing for this page throws.
function recall(key) {
  try { return localStorage.getItem(`partcast.${key}`); } catch { return null; }
}

function remember(key, value) {
  try { localStorage.setItem(`partcast.${key}`, value); } catch { /* it lasts for this visit */ }
}

new Board();
