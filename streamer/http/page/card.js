import { Picture } from './picture.js';

const ONE_MISS_MS = 2000;       // so long a stream may be missing without a word of it
const SILENT_S = 5;             // a picture older than that is not called live
const TROUBLE = { yellow: 'frames skipped', red: 'frames exceed the client buffer' };
const STATUS = { grey: 'no clients', blue: 'all delivered', ...TROUBLE };
const UNKNOWN = { status: 'grey', connections: 0, frames: 0, fps: 0, age: null, skipped: 0,
  content_type: null };
let picks = 0;

/** A stream on the page: its picture and its figures. */
export class Card {
  #hadFrames = false;           // it stays so when the streamer starts anew
  figures = UNKNOWN;
  missingSince = null;
  inView = false;
  paused = false;
  picked = 0;                   // grows with each wish to see it live: the latest goes first

  constructor(name, chosen) {
    this.name = name;
    this.element = document.getElementById('card').content.firstElementChild.cloneNode(true);
    const url = `streams/${name}`;
    this.picture = new Picture(url, this.#part('img'), this.#part('canvas'));
    this.#part('h2').textContent = name;
    this.#part('img').alt = `Live picture of ${name}`;
    this.#label('canvas', `Last picture of ${name}`);
    this.#label('.toggle', `Show ${name} live`);
    this.#label('.stream', `Stream of ${name}`).href = url;
    this.#label('.snapshot', `Snapshot of ${name}`).href = `${url}/snapshot`;
    this.#part('.toggle').onclick = () => {
      if (this.picture.live) this.paused = true;
      else this.pick();
      chosen();
    };
  }

  /** Asks for the live picture, before all others. */
  pick() {
    this.paused = false;
    this.picked = ++picks;
  }

  /** Leaves it to the board whether the picture is live. */
  unpick() {
    this.paused = false;
    this.picked = 0;
  }

  /** Whether the page has heard of a frame: an address that nobody publishes to has none. */
  get hasFrames() {
    return this.#hadFrames ||= this.figures.frames > 0;
  }

  get isPicture() {
    const type = this.figures.content_type;
    return type === null || type.startsWith('image/');
  }

  /** Whether a still is to be renewed: only where there is a newer frame to be had at once. */
  get isDue() {
    const { picture, figures } = this;
    const newer = figures.age !== null && figures.frames !== picture.stillOf;
    return newer && this.inView && !this.paused && this.isPicture && !picture.live;
  }

  /** Takes the stream's figures of now; returns what is worth telling of them. */
  take(figures, isAnew) {
    const before = this.figures.status;
    this.figures = figures;
    this.missingSince = null;
    this.picture.look(figures, isAnew);
    const told = before !== figures.status && (before in TROUBLE || figures.status in TROUBLE);
    return told ? [`${this.name} is ${this.#status}`] : [];
  }

  /** Takes it that the streamer does not know the stream (any more). */
  miss(now, isAnew) {
    this.missingSince ??= now;
    this.figures = { ...this.figures, connections: 0 };
    this.picture.look(this.figures, isAnew);
  }

  /** Tells whether the stream has been missing for so long. */
  missedFor(ms) {
    return this.missingSince !== null && performance.now() - this.missingSince >= ms;
  }

  show() {
    const { figures } = this;
    this.element.classList.toggle('away', this.missedFor(ONE_MISS_MS));
    this.element.classList.toggle('last', !this.hasFrames);
    this.#part('.status').className = `status ${figures.status}`;
    this.#text('.status', this.#status);
    this.#text('.clients', amount(figures.connections) + this.#ours);
    this.#text('.rate', `${figures.fps.toFixed(figures.fps < 9.95 ? 1 : 0)} fps`);
    this.#text('.age', figures.age === null ? '–' : duration(figures.age));
    this.#text('.skipped', amount(figures.skipped));
    const badge = this.#badge;
    this.#text('.badge', badge).classList.toggle('live', badge === 'live');
    this.#text('.hint', this.#hint);
    this.#part('.screen').classList.toggle('empty', !this.isPicture);
    this.#part('.toggle').hidden = !this.isPicture;
    this.#part('.stream').hidden = !this.isPicture;     // browsers show parts as pictures only
    this.#part('.toggle').title = this.picture.live ? 'Pause' : 'Play';
    this.#part('.toggle').setAttribute('aria-pressed', this.picture.live);
  }

  get #ours() {
    if (!this.picture.live || !this.figures.connections) return '';
    return this.figures.connections === 1 ? ' (this page)' : ' (1 here)';
  }

  get #status() {
    const { status, frames } = this.figures;
    return `${status}: ${frames ? STATUS[status] : 'no frame yet'}`;
  }

  get #badge() {
    const { picture } = this;
    if (!picture.shown) return '';
    if (!picture.live) return this.paused ? 'paused' : 'still';
    if (!picture.painted) return picture.failed ? 'trying again' : 'waiting for a frame';
    return this.#silence || 'live';
  }

  /** For how long nothing new has come; of frames for one client alone no age is known. */
  get #silence() {
    const { age, fps } = this.figures;
    if (age === null) return fps ? '' : 'no new frame';
    return age < SILENT_S ? '' : `no new frame for ${duration(age)}`;
  }

  get #hint() {
    if (!this.isPicture) return `${this.figures.content_type}: no picture`;
    if (this.picture.shown) return '';
    if (this.picture.failed) return 'Cannot be opened: trying again';
    if (this.picture.live) return 'Waiting for a frame';
    return this.hasFrames ? 'Press play to watch' : 'No frame yet';
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #text(selector, text) {
    const part = this.#part(selector);
    part.textContent = text;
    return part;
  }

  #label(selector, label) {
    const part = this.#part(selector);
    part.setAttribute('aria-label', label);
    return part;
  }
}

export function amount(number) {
  return number.toLocaleString('en');
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${amount(Math.floor(seconds / 3600))} h`;
}
