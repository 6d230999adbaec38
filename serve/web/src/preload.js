// Asks for each part before hls.js does, which waits for a playlist to list it: while one part is on its way the next one
// is asked for, too, and the server sends it the moment that it is made. That saves the way there and back for every part,
// and where parts came slower than they are made, one after the other, several come at a time. Low-Latency HLS has preload
// hints for this (rfc8216bis, 6.3.7), which hls.js does not follow.

import Hls from "hls.js";
import { partsAfter, Worth } from "./logic/parts.js";

// Parts at most. Browsers open six connections to an HTTP/1.1 server, and the playlists take two.
const MOST = { main: 2, audio: 1 };
const PATIENCE = 1000; // ms for the first byte of a part that is listed; then the request is made again

/** A request that hls.js has not asked for yet. Times by `performance.now`, 0 until then. */
class Ahead {
  constructor(url) {
    this.firstAt = 0;
    this.endAt = 0;
    const xhr = (this.xhr = new XMLHttpRequest());
    xhr.addEventListener("readystatechange", () => {
      if (xhr.readyState >= 2) this.firstAt ||= performance.now();
    });
    xhr.addEventListener("loadend", () => (this.endAt = performance.now()));
    xhr.open("GET", url);
    xhr.responseType = "arraybuffer";
    xhr.send();
  }

  get failed() {
    return this.xhr.readyState === 4 && this.xhr.status !== 200;
  }

  drop() {
    this.xhr.abort();
  }
}

/** What one player has asked for ahead. `details(frag)` is the playlist that a segment is in. */
export class Preload {
  constructor(details) {
    this.details = details;
    this.asked = { main: new Map(), audio: new Map() }; // by address
    this.worth = new Worth();
    this.pictureAt = -Infinity; // ms: when something of the picture came
    this.observer = new PerformanceObserver((list) => {
      for (const { fetchStart, connectStart, connectEnd, requestStart } of list.getEntries()) {
        if (requestStart > 0) this.worth.queued(requestStart - fetchStart - (connectEnd - connectStart), performance.now());
      }
    });
    this.observer.observe({ type: "resource" });
  }

  /** Return the request for `url`, if there is one; if there is none, what was asked for ahead is of no use. */
  take(type, url) {
    const asked = this.asked[type];
    const ahead = asked?.get(url);
    asked?.delete(url);
    if (ahead && !ahead.failed) return ahead;
    this.want(type, []);
    return null;
  }

  /** Ask for what comes after `part` of `frag`, unless that was done before. */
  next(frag, part) {
    const details = this.details(frag);
    const most = this.worth.now(performance.now()) ? (MOST[frag.type] ?? 0) : 0;
    if (details) this.want(frag.type, partsAfter(details, frag.sn, part.index, most));
  }

  want(type, urls) {
    const asked = this.asked[type];
    if (!asked) return;
    for (const [url, ahead] of asked) {
      if (urls.includes(url)) continue;
      ahead.drop();
      asked.delete(url);
    }
    for (const url of urls) if (!asked.has(url)) asked.set(url, new Ahead(url));
  }

  /** Nothing is played any more. */
  drop() {
    this.observer.disconnect();
    for (const type of Object.keys(this.asked)) this.want(type, []);
  }
}

/** The loader that hls.js is to use for media, with what `preload` has asked for. */
export function loaderWith(preload) {
  return class PartLoader extends Hls.DefaultConfig.loader {
    loadInternal() {
      const { context } = this;
      const { frag, part } = context ?? {};
      if (!frag || frag.sn === "initSegment") return super.loadInternal();
      const ahead = preload.take(frag.type, part ? context.url : null);
      if (ahead) this.adopt(ahead);
      else super.loadInternal();
      if (part) preload.next(frag, part);
      return undefined;
    }

    loadprogress(event) {
      super.loadprogress(event);
      if (this.context?.frag?.type === "main") preload.pictureAt = performance.now();
    }

    /** Go on with a request that was made before. */
    adopt(ahead) {
      const { xhr } = ahead;
      const { config, stats } = this;
      this.loader = xhr;
      stats.loading.first = 0;
      stats.loaded = 0;
      stats.aborted = false;
      stats.ahead = ahead;
      xhr.onreadystatechange = () => this.readystatechange();
      xhr.onprogress = (event) => this.loadprogress(event);
      config.timeout = PATIENCE;
      this.requestTimeout = setTimeout(() => {
        this.abortInternal();
        stats.ahead = undefined;
        super.loadInternal();
      }, PATIENCE);
      // hls.js does not expect an answer before it has finished asking.
      if (xhr.readyState >= 2) Promise.resolve().then(() => this.loader === xhr && this.readystatechange());
    }
  };
}
