// Plays a room by the browser's own HLS player, where hls.js has nothing to play with: Safari before Managed Media
// Source. The same face as the engine for hls.js.

export const nativeSupported = (video) => video.canPlayType("application/vnd.apple.mpegurl") !== "";

const BEHIND = 3; // seconds from the end of the seekable range: Safari keeps the playlist's hold-back itself

export class NativeEngine {
  constructor(video, url, owner) {
    this.video = video;
    this.hls = null;
    this.busy = false; // as far as is known
    this.levels = []; // the browser chooses by itself
    this.level = this.shown = -1;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (name, action) => video.addEventListener(name, action, { signal });
    on("error", () => {
      const { after } = owner.recovery.fatal("other", false, performance.now());
      owner.fatal({ type: "native", details: String(video.error?.code ?? ""), status: null, act: "attach" });
      owner.restart(after, "native");
    });
    on("loadedmetadata", () => owner.tracks({ video: video.videoWidth > 0, audio: true }));
    on("progress", () => {
      owner.recovery.progress();
      owner.progress();
    });
    video.src = url;
  }

  get window() {
    const { seekable } = this.video;
    return seekable.length ? [seekable.start(0), seekable.end(seekable.length - 1)] : null;
  }

  get live() {
    return this.window ? Math.max(this.window[0], this.window[1] - BEHIND) : null;
  }

  get mostBehind() {
    return Infinity; // the browser's own business
  }

  get date() {
    const start = this.video.getStartDate?.();
    return start && !Number.isNaN(start.getTime()) ? new Date(start.getTime() + this.video.currentTime * 1000) : null;
  }

  destroy() {
    this.listening.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
