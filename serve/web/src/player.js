// The player of a room: keeps one video element playing, whatever happens to the stream. Knows nothing of the room's
// state but whether media should be coming (`expected`).

import { FileEngine } from "./engine-file.js";
import { HlsEngine, hlsSupported } from "./engine-hls.js";
import { NativeEngine, nativeSupported } from "./engine-native.js";
import { AUTO, levelOf, qualities } from "./logic/quality.js";
import { Playhead, Recovery } from "./logic/recovery.js";

const TICK = 250;
const PAUSED = 1000; // ms; after a longer pause play goes on live
const REMEMBERED = 10;

/** What this browser plays with: an engine, or null. */
export function engineFor(video) {
  if (hlsSupported()) return HlsEngine;
  return nativeSupported(video) ? NativeEngine : null;
}

/**
 * `changed()` is called whenever `state`, `tracks`, `sound`, `qualities` or `shown` may have changed.
 *
 * state: "off" nothing attached · "loading" · "playing" · "stalled" · "paused" by the viewer · "blocked" by the browser
 * until the viewer asks · "ended" the stream is over.
 */
export class Player {
  constructor(video, url, changed) {
    this.video = video;
    this.url = url;
    this.changed = changed;
    this.Engine = engineFor(video);
    this.engine = null;
    this.recovery = new Recovery();
    this.playhead = new Playhead();
    this.attached = null; // the broadcast
    this.file = null; // or the address of a file that is played in its place
    this.expected = false;
    this.state = "off";
    this.stalledSince = 0;
    this.pausedAt = 0;
    this.timer = 0;
    this.tracks = { video: true, audio: false };
    this.quality = AUTO; // or the name of what the viewer chose; it outlasts a broadcast that does not have it
    this.qualities = [];
    this.counters = { attachments: 0, stalls: 0, seeks: 0, fatals: 0 };
    this.troubles = []; // the newest fatal errors and rescues
    video.muted = true;
    video.disableRemotePlayback = true; // Managed Media Source demands it
    for (const name of ["playing", "timeupdate"]) video.addEventListener(name, () => this.moved());
    for (const name of ["waiting", "stalled"]) video.addEventListener(name, () => this.waits());
    video.addEventListener("play", () => this.resumed());
    video.addEventListener("pause", () => this.paused());
    video.addEventListener("ended", () => this.set("ended"));
    video.addEventListener("volumechange", () => changed());
    setInterval(() => this.look(), TICK);
  }

  /** Play broadcast `id`, from now on. */
  attach(id) {
    this.take(id, null);
  }

  /** Play the file at `url` over and over, from its beginning, until `attach` or `detach`. */
  playFile(url) {
    this.take(null, url);
  }

  take(id, file) {
    this.drop();
    this.attached = id;
    this.file = file;
    this.recovery = new Recovery();
    this.tracks = { video: true, audio: false };
    this.set("loading"); // whoever had paused has asked for something else
    this.begin();
  }

  /** Play nothing. */
  detach() {
    this.drop();
    this.attached = this.file = null;
    this.set("off");
  }

  /** Whether media should be coming: the host is on air, and the server answers. */
  expect(expected) {
    const begins = expected && !this.expected;
    this.expected = expected;
    if (!begins) return;
    this.stalledSince = performance.now(); // what it waited before was no fault
    this.nudge();
  }

  /** Whether it can be heard, "on" or "off"; or null when there is no sound. */
  get sound() {
    if (!this.tracks.audio) return null;
    return this.video.muted || this.video.volume === 0 ? "off" : "on";
  }

  unmute() {
    this.video.muted = false;
    if (this.video.volume === 0) this.video.volume = 1;
    if (this.video.paused) this.play();
  }

  /** Play, if the browser lets us: muted autoplay is refused in some power-saving modes. */
  play() {
    this.video.play().catch((error) => {
      if (error.name === "NotAllowedError") this.set("blocked");
    });
  }

  /** Show quality `name` from now on, or AUTO. */
  choose(name) {
    this.quality = name;
    if (this.engine) this.engine.level = levelOf(this.qualities, name);
    this.changed();
  }

  /** The index of the level that is shown, or -1. */
  get shown() {
    return this.engine?.shown ?? -1;
  }

  /** Go to where live viewers are; `since` (ms) playback has not been what it should, or been paused. */
  goLive(since = performance.now()) {
    this.engine?.hadOutage?.(since);
    const live = this.engine?.calm ?? this.engine?.live;
    if (live != null) this.video.currentTime = live;
    if (this.video.paused) this.play();
  }

  /** Try again now what waits for its next try: the server is back, the host, or the network. */
  nudge() {
    if (this.timer && this.expected) this.begin();
  }

  /** Seconds from the picture's time at the server to now, if the clocks agree; or null. */
  get latency() {
    const date = this.engine?.date;
    return date ? (Date.now() - date.getTime()) / 1000 : null;
  }

  // Attachment.

  begin() {
    this.drop();
    this.counters.attachments += 1;
    this.playhead.reset(performance.now());
    if (this.state !== "paused") this.set("loading"); // what the viewer has stopped stays so
    const [Engine, url] = this.file === null ? [this.Engine, this.url] : [FileEngine, this.file];
    this.engine = new Engine(this.video, url, {
      recovery: this.recovery,
      tracks: (tracks) => {
        this.tracks = tracks;
        this.changed();
      },
      fatal: (error) => {
        this.counters.fatals += 1;
        this.remember(error);
      },
      stalled: () => (this.counters.stalls += 1),
      progress: () => this.goOn(),
      choose: (levels) => levelOf(qualities(levels), this.quality),
      levels: () => this.offer(),
      restart: (after, why) => this.again(after, why),
    });
    this.goOn();
  }

  /** What can be chosen has changed, or what is shown. */
  offer() {
    if (!this.engine) return; // it is being taken down
    this.qualities = qualities(this.engine.levels);
    this.engine.level = levelOf(this.qualities, this.quality); // a level that went changed the places of others
    this.changed();
  }

  /** Play unless somebody does not want it: a new attachment leaves the video element paused. */
  goOn() {
    if (this.engine && this.video.paused && (this.state === "loading" || this.state === "stalled")) this.play();
  }

  /** Begin anew after so many milliseconds; if then there is nothing to play, as soon as there is. */
  again(after, why) {
    this.remember({ type: "again", details: why, act: "attach" });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.expected && this.begin(), after);
  }

  drop() {
    clearTimeout(this.timer);
    this.timer = 0;
    const engine = this.engine;
    this.engine = null; // first: what follows makes the video element pause
    this.qualities = [];
    engine?.destroy();
  }

  remember(trouble) {
    this.troubles.push({ at: new Date().toISOString(), ...trouble });
    if (this.troubles.length > REMEMBERED) this.troubles.shift();
  }

  // What the video element says.

  moved() {
    if (this.engine && !this.video.paused && !this.video.seeking && this.video.readyState > 2) this.set("playing");
  }

  waits() {
    if (this.state === "playing" && this.video.readyState < 3) {
      this.stalledSince = performance.now();
      this.set("stalled");
    }
  }

  paused() {
    if (!this.engine || !this.video.paused || this.video.ended) return;
    this.pausedAt = performance.now();
    if (this.state !== "blocked") this.set("paused");
  }

  resumed() {
    if (this.state !== "paused" && this.state !== "blocked") return;
    const now = performance.now();
    const long = this.state === "blocked" || now - this.pausedAt > PAUSED;
    this.stalledSince = now; // until it moves
    this.set("stalled");
    if (long) this.goLive(this.pausedAt);
  }

  /** How long a stall has lasted, in milliseconds. */
  get stalledFor() {
    return this.state === "stalled" ? performance.now() - this.stalledSince : 0;
  }

  /** Look after the playhead, a few times a second. */
  look() {
    const { engine, video } = this;
    if (!engine || this.timer) return;
    const now = performance.now();
    const buffered = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    const rescue = this.playhead.look({
      now,
      position: video.currentTime,
      idle: video.paused || video.ended,
      buffered,
      window: engine.window,
      live: engine.live,
      mostBehind: engine.mostBehind,
      expected: this.expected,
      busy: engine.busy,
    });
    if (rescue) this.rescue(rescue, video.currentTime);
    else engine.keepPace?.(this.state === "playing");
    if (this.state === "playing" && this.playhead.still(now) > 1000) {
      this.stalledSince = now; // some browsers stop without an event
      this.set("stalled");
    } else if (this.state === "stalled") {
      this.changed();
    }
  }

  rescue({ act, to, why, since }, from) {
    if (act === "seek") {
      this.engine.hadOutage?.(since);
      if (why !== "hole") to = this.engine.calm ?? to;
    }
    this.remember({ type: "rescue", details: why, act, from, to: to ?? null });
    if (act === "seek") {
      this.counters.seeks += 1;
      this.video.currentTime = to;
    } else {
      this.begin();
    }
  }

  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }
}
