// How long to wait before the next try. Pure.

/** Growing pauses in milliseconds: `first`, then 1.6 times the one before, at most `most`, forever. */
export class Backoff {
  constructor(first, most, random = Math.random) {
    this.first = first;
    this.most = most;
    this.random = random;
    this.reset();
  }

  /** The next pause. Up to a fifth is taken off by chance, so that pages do not all come back at once. */
  next() {
    const pause = this.pause;
    this.pause = Math.min(this.most, pause * 1.6);
    return Math.round(pause * (1 - 0.2 * this.random()));
  }

  /** Something worked: begin again with the shortest pause. */
  reset() {
    this.pause = this.first;
  }
}
