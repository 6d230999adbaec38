// Plays one file over and over. The same face as the engines for HLS; there is nothing live in it.

export class FileEngine {
  constructor(video, url, owner) {
    this.video = video;
    this.hls = null;
    this.busy = false;
    this.levels = [];
    this.level = this.shown = -1;
    this.window = this.live = this.date = null;
    this.mostBehind = Infinity;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (name, action) => video.addEventListener(name, action, { signal });
    on("error", () => {
      const { after } = owner.recovery.fatal("other", false, performance.now());
      owner.fatal({ type: "file", details: String(video.error?.code ?? ""), status: null, act: "attach" });
      owner.restart(after, "file");
    });
    on("loadeddata", () => {
      owner.tracks({ video: video.videoWidth > 0, audio: true });
      owner.recovery.progress();
      owner.progress();
    });
    video.loop = true;
    video.src = url;
  }

  destroy() {
    this.listening.abort();
    this.video.loop = false;
    this.video.removeAttribute("src");
    this.video.load();
  }
}
