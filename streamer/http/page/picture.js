const PATIENCE_MS = 10_000;     // a picture unchanged for so long is looked into
const PATIENCE_MOST_MS = 60_000;
const DOUBT = 0.2;              // of that patience, where the figures speak against it
const PROBE_PX = 32;
const SAME_LEVELS = 6;          // of 255: what two readings of one picture may differ by

const probe = document.createElement('canvas');
probe.width = probe.height = PROBE_PX;
const pen = probe.getContext('2d', { willReadFrequently: true });
let requests = 0;

/** Returns a URL that was never asked for: browsers share the pictures of equal ones. */
const unshared = (url) => `${url}?_=${++requests}`;

/** Returns a small reading of a picture; null where there is none. */
function reading(image) {
  if (!image.naturalWidth) return null;
  pen.clearRect(0, 0, PROBE_PX, PROBE_PX);
  pen.drawImage(image, 0, 0, PROBE_PX, PROBE_PX);
  return pen.getImageData(0, 0, PROBE_PX, PROBE_PX).data;
}

function differ(one, other, levels) {
  return !one || !other || one.some((value, at) => Math.abs(value - other[at]) > levels);
}

/** Returns the newest frame of a stream as an image; null where there is none. */
function newest(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = unshared(`${url}/snapshot`);
  });
}

/**
 * A stream's picture: live in an <img>, at rest on the <canvas> below it.
 *
 * An <img> says nothing when its stream ends. So it is watched: a picture that changes is
 * alive. One that does not is opened again where nobody is connected, where the streamer has
 * started anew, and where frames arrive and the newest is another one than it shows.
 */
export class Picture {
  live = false;
  painted = false;              // whether the live picture shows something
  known = false;                // whether there is something to show at rest
  failed = false;               // whether it could not be opened, the last time
  stillAt = -Infinity;
  stillOf = -1;                 // the count of frames when the still was taken
  #figures = { frames: 0, connections: 0, age: null };
  #seen = null;
  #seenAt = 0;
  #seenFrames = 0;
  #retryAt = Infinity;
  #patience = PATIENCE_MS;

  constructor(url, image, canvas) {
    Object.assign(this, { url, image, canvas });
    image.onload = () => this.#loaded();
    image.onerror = () => this.#lost();
  }

  /** How much it would be missed: one that shows something, one being opened, one at rest. */
  get rank() {
    return this.live + this.painted;
  }

  get shown() {
    return this.painted || this.known;
  }

  open() {
    this.live = true;
    this.failed = false;
    this.#seenAt = performance.now();
    this.#seenFrames = this.#figures.frames;
    this.#retryAt = Infinity;
    this.image.src = unshared(this.url);
  }

  close() {
    this.#rest();
    this.live = false;
    this.image.src = '';        // this is what closes the connection
    this.image.removeAttribute('src');
  }

  /**
   * Takes the stream's figures of now, and opens the picture again if it has ended: at once where
   * they speak against it and come from a streamer that never answered before.
   */
  async look(figures, isAnew = false) {
    const now = performance.now();
    this.#figures = figures;
    if (!this.live) return;
    const doubtful = figures.connections === 0 || figures.frames < this.#seenFrames;
    if (isAnew && doubtful) return this.#again();
    if (this.painted && this.#changed(now)) return;
    const patience = this.#patience * (doubtful ? DOUBT : 1);
    const waited = now - this.#seenAt >= patience;
    if (now >= this.#retryAt) this.#again();
    else if (waited && doubtful) this.#again();
    else if (waited && figures.frames > this.#seenFrames) await this.#compare(now);
  }

  /** Doubts the connection, as after a time without answers. */
  doubt() {
    this.#seenAt = -Infinity;
    this.#seenFrames = Infinity;
  }

  async still() {
    this.stillAt = performance.now();
    this.stillOf = this.#figures.frames;
    const image = await newest(this.url);
    if (image && !this.live) this.#draw(image);
  }

  #changed(now) {
    const seen = reading(this.image);
    if (!differ(seen, this.#seen, 0)) return false;
    this.#seen = seen;
    this.#seenAt = now;
    this.#seenFrames = this.#figures.frames;
    this.#patience = PATIENCE_MS;
    return true;
  }

  /** Opens the picture again unless it shows the newest frame, as in a scene without motion. */
  async #compare(now) {
    this.#seenAt = now;
    this.#seenFrames = this.#figures.frames;
    const image = this.#figures.age === null ? null : await newest(this.url);
    const wanted = image && reading(image);
    if (this.live && differ(wanted, reading(this.image), SAME_LEVELS)) this.#again();
  }

  #again() {
    this.#rest();
    this.#slowDown();
    this.open();
  }

  #loaded() {
    this.failed = false;
    this.#show(this.live);
  }

  #lost() {
    if (!this.live) return;
    this.#show(false);
    this.failed = true;
    this.#retryAt = performance.now() + this.#patience * DOUBT;
    this.#slowDown();
  }

  #slowDown() {
    this.#patience = Math.min(this.#patience * 2, PATIENCE_MOST_MS);
  }

  #show(painted) {
    this.painted = painted;
    this.image.classList.toggle('painted', painted);
  }

  #rest() {
    if (this.painted && this.image.naturalWidth) this.#draw(this.image);
    this.#show(false);
  }

  #draw(image) {
    this.canvas.width = image.naturalWidth;
    this.canvas.height = image.naturalHeight;
    this.canvas.getContext('2d').drawImage(image, 0, 0);
    this.known = true;
  }
}
