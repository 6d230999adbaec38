// What to do when playback is in trouble. Pure: told the time (milliseconds) and what the player sees.

import { Backoff } from "./backoff.js";

const MEDIA_AGAIN = 10_000; // a second media error so soon is not cured by the same means
const RELOADS = 3;

/**
 * What to do after a fatal error of hls.js: `{ act, after }`, `after` in milliseconds.
 * Acts: "reload" (go on loading where it stopped), "recover" (new decoders), "attach" (begin anew).
 */
export class Recovery {
  constructor(random = Math.random) {
    this.backoff = new Backoff(250, 1500, random);
    this.reloads = 0;
    this.recovered = -Infinity;
  }

  /** `type` is hls.js's: "networkError", "mediaError" or another; `started`: whether media had arrived before. */
  fatal(type, started, now) {
    if (type === "mediaError" && now - this.recovered > MEDIA_AGAIN) {
      this.recovered = now;
      return { act: "recover", after: 0 };
    }
    const after = this.backoff.next();
    if (type === "networkError" && started && this.reloads < RELOADS) {
      this.reloads += 1;
      return { act: "reload", after };
    }
    this.reloads = 0;
    return { act: "attach", after };
  }

  /** Media arrives: whatever was wrong is over. */
  progress() {
    this.backoff.reset();
    this.reloads = 0;
  }
}

const MOVED = 0.01; // seconds; less is no movement
const STALL = 400; // ms without movement before a hole is skipped
const BEGINNING = 250; // ms for which a hole before the first picture is left to whoever is about to go there
const SEEK_AGAIN = 1500; // ms to let a seek do its work
const JUMP_AGAIN = 3000; // ms between jumps over media that could be played
const BEHIND = 1500; // ms too far behind before jumping
const FAR = 12; // seconds behind, and it goes to live even where that is not loaded yet
const STALLED = 1000; // ms without movement, after which a jump is no news to the viewer: it comes at once
const PLAYED = 4; // looks at a playhead that moves, before which what it waits for is its beginning
const AFTER_STALL = 3000; // ms ... for so long
const DRY_SEEK = 1500; // ms without movement, with nothing left to play and more to be had, before going there
const AHEAD = 2; // seconds of it
const LATE_SEEK = 5000; // ms without movement, while there should be some, before trying the live position
const LATE_ATTACH = 12_000; // ... before beginning anew
const LOST = 1500; // ms without movement outside the playlist's window; the window is a guess at first
const OUTSIDE = 1; // seconds beyond the window
const REST = 0.1; // seconds at the end of a range that count as played
const PADDING = 0.05; // seconds into a range, so that rounding does not leave the playhead before it

/**
 * Watches a playhead and says how to free it when it does not move: media after a hole, a window that has moved on
 * while the laptop slept, a buffer that is not filled, a player that has simply stopped.
 */
export class Playhead {
  constructor() {
    this.reset(0);
  }

  /** Begin anew at `now`. */
  reset(now) {
    this.position = -1;
    this.movedAt = now;
    this.seekedAt = -Infinity;
    this.expectedAt = now;
    this.inTimeAt = now;
    this.looks = 0; // at a playhead that moves, in a row
    this.played = false; // whether there have ever been PLAYED
    this.holeSince = null;
    this.wentOnAt = -Infinity; // after a stall,
    this.stoodSince = now; // ... which had begun then
    this.triedLive = false;
  }

  /** How long it has not moved, in milliseconds. */
  still(now) {
    return now - this.movedAt;
  }

  /**
   * Look at the player, a few times a second. Returns null, `{ act: "attach", why }` or `{ act: "seek", to, why, since }`:
   * since when it had stood still (ms), `now` if it had not. Positions are in seconds of the video's clock:
   *
   *   now         milliseconds
   *   position    where the playhead is
   *   idle        paused or ended, so that nothing should move
   *   buffered    list of [start, end]
   *   window      the playlist's [start, end], or null
   *   live        the position to be at, or null
   *   mostBehind  how far behind that playing a little faster will do
   *   expected    whether the host is on air, so that media should come
   *   busy        whether it is on its way, or being tried for again: nobody must be sent elsewhere then
   */
  look({ now, position, idle, buffered, window, live, mostBehind, expected, busy }) {
    if (!expected) this.expectedAt = now;
    if (idle || live === null || live - position <= mostBehind) this.inTimeAt = now;
    if (idle || Math.abs(position - this.position) > MOVED) {
      const stood = now - this.movedAt > STALLED;
      if (stood && !idle && this.looks >= PLAYED) [this.wentOnAt, this.stoodSince] = [now, this.movedAt];
      this.looks = stood || idle ? 0 : this.looks + 1;
      this.played ||= this.looks >= PLAYED;
      this.holeSince = null;
      this.position = position;
      this.movedAt = now;
      if (idle) return null;
      this.triedLive = false;
      if (!expected || now - this.seekedAt <= JUMP_AGAIN) return null;
      // Where the connection hardly keeps up, a jump to what is not there yet would end in the next stall.
      const behind = live - position;
      if (behind <= mostBehind || (behind < FAR && !isBuffered(buffered, live))) return null;
      if (now - this.wentOnAt < AFTER_STALL) return this.seek(live, "behind", now, this.stoodSince);
      return now - this.inTimeAt > BEHIND ? this.seek(live, "behind", now, now) : null;
    }
    const still = this.still(now);
    if (still < STALL || now - this.seekedAt < SEEK_AGAIN) return null;
    const hole = nextRange(buffered, position);
    if (hole !== null) {
      this.holeSince ??= now;
      if (!this.played && now - this.holeSince < BEGINNING) return null;
      return this.seek(hole + PADDING, "hole", now);
    }
    const overdue = Math.min(still, now - this.expectedAt);
    if (overdue > LOST && window !== null && live !== null) {
      const outside = position < window[0] - OUTSIDE || position > window[1] + OUTSIDE;
      if (outside) return this.seek(live, "window", now);
    }
    if (overdue > LATE_ATTACH) {
      this.reset(now);
      return { act: "attach", why: "stuck" };
    }
    if (this.triedLive || live === null || live <= position + PADDING) return null;
    // hls.js now and then loads again what it has, appends nothing and waits.
    const dry = buffered.at(-1)?.[1] - REST <= position && window !== null && window[1] - position > AHEAD;
    if (dry && !busy && overdue > DRY_SEEK && now - this.seekedAt > JUMP_AGAIN) return this.tryLive(live, "dry", now);
    return overdue > LATE_SEEK ? this.tryLive(live, "stuck", now) : null;
  }

  /** Once for each time that it stands still: what is loaded there may take its time. */
  tryLive(live, why, now) {
    this.triedLive = true;
    return this.seek(live, why, now);
  }

  seek(to, why, now, since = this.movedAt) {
    this.seekedAt = now;
    this.wentOnAt = -Infinity;
    this.position = to; // arriving there is not the movement that is hoped for
    return { act: "seek", to, why, since };
  }
}

const isBuffered = (buffered, position) => buffered.some(([start, end]) => start <= position && position < end - REST);

/** Where the next buffered range begins, if there is nothing left to play at `position`; or null. */
function nextRange(buffered, position) {
  for (const [start, end] of buffered) {
    if (start <= position && position < end - REST) return null;
    if (start > position) return start;
  }
  return null;
}
