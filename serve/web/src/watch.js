// Follows a room's state for as long as the page is open. Touches no page: told whether media plays, tells what it hears.
//
// Browsers open six connections to an HTTP/1.1 server, and a Low-Latency player needs up to four. So the event stream is
// open only while nothing plays; while something does, each heartbeat brings the state back.

import { ApiError, ask } from "./api.js";
import { Backoff } from "./logic/backoff.js";

const BEAT = 5000;
const SETTLE = 2000; // a room on air is about to play: no event stream before that is clear
const LISTEN = 60_000; // ask again after that, for a dead connection can look like a quiet one
const BROKEN = 1000; // a breath after the event stream broke
const MISSING = 5000;

/**
 * `heard(room, link)` is called with each answer: link is "ok" and the room is new; or "missing" or "unreachable", and
 * the room is the last one known. The last argument stands in for the browser in tests.
 */
export class RoomWatch {
  constructor(name, viewer, heard, browser = globalThis) {
    this.path = `/rooms/${encodeURIComponent(name)}`;
    this.viewer = viewer;
    this.heard = heard;
    this.browser = browser;
    this.backoff = new Backoff(500, 4000);
    this.room = null;
    this.isPlaying = false;
    this.closed = false;
    this.wake = () => {};
  }

  /** Follow the room until `close`. */
  async run() {
    while (!this.closed) {
      const answer = await this.ask().catch((error) => error);
      if (this.closed) return;
      if (!(answer instanceof ApiError)) {
        this.backoff.reset();
        this.tell(answer);
        if (this.isPlaying) await this.rest(BEAT);
        else await this.listen();
      } else if (answer.status === 404) {
        this.heard(this.room, "missing");
        await this.rest(MISSING);
      } else {
        this.heard(this.room, "unreachable");
        await this.rest(this.backoff.next());
      }
    }
  }

  /** Media plays now, or does no longer. */
  playing(isPlaying) {
    if (isPlaying === this.isPlaying) return;
    this.isPlaying = isPlaying;
    this.wake();
  }

  /** Ask at once: the page came back into sight, or the network did. */
  nudge() {
    this.wake();
  }

  close() {
    this.closed = true;
    this.wake();
  }

  ask() {
    const fetch = this.browser.fetch.bind(this.browser);
    if (!this.isPlaying) return ask(this.path, { fetch });
    return ask(`${this.path}/heartbeat`, { fetch, body: { viewer: this.viewer } });
  }

  tell(room) {
    this.room = room;
    this.heard(room, "ok");
  }

  /** Hear the event stream until it breaks, something plays, or it is time to ask again. */
  async listen() {
    if (this.room.broadcast !== null && (await this.rest(SETTLE))) return;
    if (this.closed) return;
    const events = new this.browser.EventSource(`/api/v1${this.path}/events`);
    events.addEventListener("state", (event) => this.tell(JSON.parse(event.data)));
    let broken = false;
    events.addEventListener("error", () => {
      broken = true;
      this.wake();
    });
    await this.rest(LISTEN);
    events.close();
    if (broken && !this.closed) await this.rest(BROKEN);
  }

  /** Wait; whether it was cut short. */
  rest(milliseconds) {
    return new Promise((resolve) => {
      const timer = this.browser.setTimeout(() => resolve(false), milliseconds);
      this.wake = () => {
        this.browser.clearTimeout(timer);
        this.wake = () => {};
        resolve(true);
      };
    });
  }
}
