// Over HTTP/1.1 browsers open six connections to a host: four pictures, the figures, a still.
const MULTIPLEXED = /^h[23]/.test(performance.getEntriesByType('navigation')[0]?.nextHopProtocol);
const LIVE_AT_MOST = MULTIPLEXED ? 24 : 4;
const AWAY_MS = 3000;           // a window not heard of for so long has closed
const AGAIN_MS = 30_000;        // after such a time one more live picture is tried, ever later
const AGAIN_MOST_MS = 600_000;

/**
 * How many pictures may be live here: all windows of a browser share its connections.
 *
 * Windows of this page tell each other that they are there. Who else holds connections shows
 * only in figures that do not come: pictures then make way.
 */
export class Room {
  #id = Math.random();
  #heard = new Map();           // the other windows, and when each was heard last
  #channel = new BroadcastChannel('partcast');
  #limit = LIVE_AT_MOST;
  #limitAt = 0;
  #again = AGAIN_MS;

  constructor(changed) {
    this.#channel.onmessage = ({ data: id }) => {
      const isNew = !this.#heard.has(id);
      this.#heard.set(id, performance.now());
      if (isNew) this.announce();
      if (isNew) changed();
    };
  }

  announce() {
    this.#channel.postMessage(this.#id);
  }

  get size() {
    return Math.min(this.#limit, Math.max(1, Math.floor(LIVE_AT_MOST / (1 + this.#heard.size))));
  }

  shrink(now) {
    this.#limit = Math.ceil(this.#limit / 2);
    this.#limitAt = now;
    this.#again = Math.min(this.#again * 2, AGAIN_MOST_MS);
  }

  grow(now) {
    for (const [id, at] of this.#heard) if (now - at > AWAY_MS) this.#heard.delete(id);
    if (this.#limit === LIVE_AT_MOST || now - this.#limitAt < this.#again) return;
    this.#limit += 1;
    this.#limitAt = now;
  }
}
