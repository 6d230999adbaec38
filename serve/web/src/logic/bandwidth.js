// How much the connection carries, judged by parts of a fifth of a second. Pure: told of transfers, knows no player.
//
// hls.js's own estimate is made for segments. Of parts loaded in a row, as on a connection that can hardly keep up, it
// samples one in ten, and weighs each by the time that it took: it took half a minute of stalls to see a slow link, and
// tiny parts (a still picture) looked like one.

const HALF_LIFE = 2; // seconds of media; what is older counts half
const WAITS = 20; // first bytes remembered, to know the way there and back
const SMALL = 4096; // bytes; less tells of latency, not of bandwidth,
const SLOW = 100; // ms ... unless it takes so long
const LEAST = 10; // ms; less cannot be measured

/** Has the methods of hls.js's estimator, so that its choice of level can ask it. Times are in milliseconds. */
export class Bandwidth {
  constructor(defaultEstimate) {
    this.defaultEstimate = defaultEstimate; // bit/s, until something is known
    this.bytes = 0;
    this.time = 0;
    this.waits = [];
    this.hearsWaits = true;
  }

  /** `bytes` came in `time`, the wait for the first byte not counted; they were `seconds` of media. */
  sample(time, bytes, seconds = 0) {
    if (bytes < SMALL && time < SLOW) return;
    const kept = 0.5 ** (seconds / HALF_LIFE);
    this.bytes = this.bytes * kept + bytes;
    this.time = this.time * kept + Math.max(time, LEAST);
  }

  /** So long was the wait for a first byte. */
  sampleTTFB(time) {
    if (!this.hearsWaits) return;
    this.waits.push(time);
    if (this.waits.length > WAITS) this.waits.shift();
  }

  /** The shortest wait for a first byte lately: any beyond it was for other transfers on the same connection. */
  getEstimateTTFB() {
    return this.waits.length > 0 ? Math.min(...this.waits) : LEAST;
  }

  canEstimate() {
    return this.time > 0;
  }

  /** In bit/s. */
  getEstimate() {
    return this.canEstimate() ? (8000 * this.bytes) / this.time : this.defaultEstimate;
  }

  /** hls.js sets its own half-lives by this; ours stay. */
  update() {}

  destroy() {}
}
