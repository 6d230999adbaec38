// Which parts to ask for before they are listed, and whether it is worth it. Pure: reads hls.js's details of a playlist.

const FAR = 40; // ms to the first byte; what is nearer gains little
const WAYS = 10; // first bytes remembered
const QUEUED = 50; // ms that a request waits for a connection where all are taken, as by other pages of the same server
const CROWD = 10; // such requests of the newest REQUESTS, and there is no room for more: a few are our own doing
const REQUESTS = 20;
const ALONE = 20_000; // ms until that may have changed

/**
 * The addresses of at most `count` parts after part `index` of segment `sn`: as they are listed and, after the newest one,
 * as the playlist hints at it (EXT-X-PRELOAD-HINT; the server answers when it is made).
 */
export function partsAfter(details, sn, index, count) {
  const { partList, preloadHint } = details;
  const place = partList?.findLastIndex((part) => part.fragment.sn === sn && part.index === index) ?? -1;
  if (place === -1) return [];
  const urls = partList.slice(place + 1).map((part) => part.url);
  if (preloadHint?.TYPE === "PART") urls.push(new URL(preloadHint.URI, details.url).href);
  return urls.slice(0, count);
}

/** Whether it is worth it: the server is far enough away, and there are connections to spare. Times in milliseconds. */
export class Worth {
  constructor() {
    this.ways = [];
    this.waits = [];
    this.crowdedUntil = -Infinity;
  }

  /** So long a part that is there took to its first byte. */
  way(time) {
    this.ways.push(time);
    if (this.ways.length > WAYS) this.ways.shift();
  }

  /** So long a request waited for a connection. */
  queued(time, now) {
    this.waits.push(time > QUEUED);
    if (this.waits.length > REQUESTS) this.waits.shift();
    if (this.waits.filter(Boolean).length < CROWD) return;
    this.waits = [];
    this.crowdedUntil = now + ALONE;
  }

  now(now) {
    return this.ways.length > 0 && Math.min(...this.ways) >= FAR && now >= this.crowdedUntil;
  }
}
