// How fast to play, so that a viewer is as close to the host as the connection allows, and no closer. Pure: told the
// time and what arrived.
//
// hls.js plays faster only while more than a second is buffered, so it stays a second behind what it could show; and it
// knows the connection by its stalls alone, each of which puts it further behind for good. Here each arrival tells how
// far what is buffered reached beyond the clock just before it: the least of these lately is what can be relied on.

const REMEMBERED = 30; // seconds for which what came late is provided for
const SPREAD = 4; // and so many times the mean deviation of the worst of each second is provided for, too
const KEEP = 0.35; // seconds of media that should be left when more arrives,
const WAYS = 8; // ... and so many times the way there and back: what is lost is sent again, and may be lost again
const MOST_KEPT = 1.2; // ... but no more
const REMEMBERED_WAYS = 20;
const NOW = 2; // seconds: what came in these tells whether the connection keeps up at all
const DOUBT = 0.25; // seconds more at first, when little has been seen of the connection
const LEAST = 0.1; // seconds that are too little: play slower, to have more
const SLACK = 0.1; // seconds too much that are no reason yet to play faster
const SETTLE = 1; // seconds of play, until arrivals tell of the connection
const NEAR = 0.05; // seconds to the live position; who is as close as that does not play faster
const ENOUGH = 5; // seconds known, until a deviation says something
const MOST = 1.5; // seconds further from the host than it may be: no connection gets more
const MUCH = 0.3; // seconds too much, for which the fastest is right
const SLOWEST = 0.94; // where it would have run dry
const SLOW = 0.97;
const FAST = 1.05;
const FASTEST = 1.1; // nobody hears more than that it is livelier

export class Pace {
  constructor() {
    this.end = null; // how far what is buffered reaches, seconds on the video's clock
    this.from = Infinity; // seconds; before that, what arrives only makes up for lost time
    this.lows = new Map(); // by second: the least that the end was ahead of the clock, in seconds
    this.speed = 1;
    this.ways = []; // seconds
  }

  /** So long (ms) a part that is there took to its first byte. */
  way(time) {
    this.ways.push(time / 1000);
    if (this.ways.length > REMEMBERED_WAYS) this.ways.shift();
  }

  get keep() {
    return this.ways.length ? Math.min(MOST_KEPT, KEEP + WAYS * Math.min(...this.ways)) : KEEP;
  }

  /** At `now` (ms) what is buffered without a hole came to reach to `end`. */
  arrived(now, end) {
    this.note(now);
    this.end = end;
  }

  /** What came since `since` (ms) belongs to an outage, and says nothing of the connection when it is well. */
  forget(since) {
    for (const second of this.lows.keys()) if (second >= Math.floor(since / 1000)) this.lows.delete(second);
    this.end = null;
    this.from = Infinity;
  }

  /** How much too close to the host a playhead at the live `position` would be now, in seconds; 0 if it would not. */
  tooClose(now, position) {
    const spare = this.spare(now, position);
    return spare === null ? 0 : Math.min(MOST, Math.max(0, this.keep - spare));
  }

  /** The speed for a playhead at `position`, if `live` is as close as it may get to the host. */
  rate(now, position, live) {
    this.from = Math.min(this.from, now / 1000 + SETTLE);
    this.note(now);
    const spare = this.spare(now, position);
    if (spare === null) return (this.speed = 1);
    const left = this.left(now, position);
    const behind = live - position;
    const { keep } = this;
    const doubt = DOUBT * Math.max(0, 1 - this.lows.size / REMEMBERED);
    const excess = Math.min(Math.max(spare - keep - doubt, behind - MOST), behind - NEAR, left - keep);
    const scarce = behind < MOST ? spare : left; // further from the host only a connection that is too slow now counts
    if (scarce < LEAST || (this.speed < 1 && scarce < keep)) this.speed = scarce < 0 ? SLOWEST : SLOW;
    else if (excess > SLACK || (this.speed > 1 && excess > 0)) this.speed = excess > MUCH ? FASTEST : FAST;
    else this.speed = 1;
    return this.speed;
  }

  /** What would have been left at the worst moment of late, had the playhead been where it is now; null: not known. */
  spare(now, position) {
    const lows = [...this.lows.values()];
    if (lows.length === 0) return null;
    const mean = lows.reduce((sum, low) => sum + low, 0) / lows.length;
    const deviation = lows.reduce((sum, low) => sum + Math.abs(low - mean), 0) / lows.length;
    const expected = lows.length < ENOUGH ? Infinity : mean - SPREAD * deviation;
    return Math.min(...lows, expected) - (position - now / 1000);
  }

  /** What was left at the worst moment just now, had the playhead been where it is. */
  left(now, position) {
    const since = Math.floor(now / 1000) - NOW;
    return Math.min(...[...this.lows].filter(([second]) => second > since).map(([, low]) => low)) - (position - now / 1000);
  }

  note(now) {
    if (this.end === null || now / 1000 < this.from) return;
    const second = Math.floor(now / 1000);
    this.lows.set(second, Math.min(this.lows.get(second) ?? Infinity, this.end - now / 1000));
    for (const old of this.lows.keys()) if (old < second - REMEMBERED) this.lows.delete(old);
  }
}
