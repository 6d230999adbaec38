// Plays a room by hls.js, in low-latency mode. One object for one attachment to the video element.

import Hls from "hls.js";
import { Bandwidth } from "./logic/bandwidth.js";
import { Pace } from "./logic/pace.js";
import { loaderWith, Preload } from "./preload.js";

export const hlsSupported = () => Hls.isSupported();

/** hls.js's choice of level, with an estimate of the bandwidth that is made for parts. */
class AbrController extends Hls.DefaultConfig.abrController {
  constructor(hls) {
    super(hls);
    this.bwEstimator = new Bandwidth(hls.config.abrEwmaDefaultEstimate);
    this.endAt = 0; // of the newest transfer
  }

  resetEstimator(estimate) {
    super.resetEstimator(estimate);
    this.bwEstimator = new Bandwidth(this.hls.config.abrEwmaDefaultEstimate);
  }

  onFragLoaded(event, data) {
    const { frag, part } = data;
    const { ahead, loaded, loading } = (part ?? frag).stats;
    // How long what was asked for ahead had to be waited for says nothing.
    this.bwEstimator.hearsWaits = !ahead;
    super.onFragLoaded(event, data);
    if (frag.type !== "main" || frag.sn === "initSegment" || !loaded) return;
    const wait = Math.min(loading.first - loading.start, this.bwEstimator.getEstimateTTFB());
    const [began, end] = ahead ? [ahead.firstAt, ahead.endAt] : [loading.start + wait, loading.end];
    // Of transfers side by side each has the time that the ones before it have not had.
    this.bwEstimator.sample(end - Math.max(began, this.endAt), loaded, (part ?? frag).duration);
    this.endAt = Math.max(end, this.endAt);
  }

  /** Not for the estimate: it would be told of one part among many. */
  onFragBuffered() {}
}

/**
 * hls.js 1.7.4 goes on with a queue that it had blocked by taking off its head. While sound waits for its picture it has
 * put no blocker there, and the head is an append that has not ended: the next one then fails, and at last playback does.
 */
class BufferController extends Hls.DefaultConfig.bufferController {
  stepOperationQueue(types) {
    super.stepOperationQueue(types.filter((type) => this.currentOp(type)?.label?.startsWith("async-blocker")));
  }
}

/**
 * Two things that hls.js 1.7.4 does not know of parts. What has been buffered has been loaded: it forgets so when it throws
 * away what is behind while a part is on its way, or has loaded the segment as a whole, and then waits for such parts for
 * ever. And before the first segment is whole its parts are all there is: it thinks them too few, asks for the gap before
 * them in their place, and does nothing for a second.
 */
const withParts = (Controller, stream) =>
  class extends Controller {
    constructor(...words) {
      super(...words);
      this.noted = new WeakSet();
    }

    getFragmentAtPosition(bufferEnd, end, details) {
      const { buffered } = this.mediaBuffer ?? this.media ?? {};
      if (buffered) this.noteBuffered(details.partList ?? [], buffered);
      return super.getFragmentAtPosition(bufferEnd, end, details);
    }

    noteBuffered(parts, buffered) {
      for (const part of parts) {
        const streams = part.elementaryStreams; // the same object in the next playlist
        if (part.loaded && !this.noted.has(streams)) continue;
        if (holds(buffered, part)) {
          const { start, end } = part;
          streams[stream] = { startPTS: start, endPTS: end, startDTS: start, endDTS: end, partial: false };
          this.noted.add(streams);
        } else if (part.loaded) {
          part.clearElementaryStreamInfo(); // it was thrown away for another quality
        }
      }
    }

    shouldLoadParts(details, bufferEnd) {
      if (details?.partList && details.fragments.every(({ gap }) => gap)) return true;
      return super.shouldLoadParts(details, bufferEnd);
    }
  };

const ROUNDING = 0.01; // seconds: browsers do, and sound is not cut where the picture is

function holds(buffered, { start, end }) {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) - ROUNDING < start && end < buffered.end(i) + ROUNDING) return true;
  }
  return false;
}

const ARRIVING = 1000; // ms since something of it came

const CONFIG = {
  lowLatencyMode: true,
  // How far behind the edge to be is the playlist's word (PART-HOLD-BACK): liveSyncDuration stays unset.
  // ... and how close to that to be is Pace's.
  maxLiveSyncPlaybackRate: 1,
  liveSyncOnStallIncrease: 0,
  liveDurationInfinity: true,
  backBufferLength: 30,
  maxBufferLength: 20,
  // What we play is fragmented MP4 as it comes: nothing is converted, so there is nothing for a worker to do.
  enableWorker: false,
  enableInterstitialPlayback: false,
  // Begin with what 3.2 Mbit/s carries (720p), at once and without a trial; then as the connection shows.
  startLevel: -1,
  abrEwmaDefaultEstimate: 3_200_000,
  testBandwidth: false,
  // More pixels than the player has on this screen (its device's, not CSS's) would be seen by nobody.
  capLevelToPlayerSize: true,
  abrController: AbrController,
  bufferController: BufferController,
  streamController: withParts(Hls.DefaultConfig.streamController, "video"),
  audioStreamController: withParts(Hls.DefaultConfig.audioStreamController, "audio"),
  // Blocked playlists are quick to time out in low-latency mode (0.8 targets), harmlessly: ask again more often.
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 35_000,
      maxLoadTimeMs: 40_000,
      timeoutRetry: { maxNumRetry: 8, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 2000 },
    },
  },
};

/**
 * `owner` has the `recovery` that lasts longer than one attachment, and hears: `tracks({ video, audio })`, `progress()`
 * when media has arrived, `stalled()`, `fatal(error)`, and `restart(milliseconds, why)` when only a new attachment will help;
 * `levels()` when those that can be chosen have changed or another one is shown. Before the first media is asked for,
 * `owner.choose()` says which level to begin with, -1 for hls.js's own choice.
 */
export class HlsEngine {
  constructor(video, url, owner) {
    this.video = video;
    this.owner = owner;
    this.recovery = owner.recovery;
    this.started = false;
    this.failing = false; // whether the newest try to load media failed
    this.lastNumber = Infinity;
    this.timer = 0;
    this.pace = new Pace();
    this.preload = new Preload(({ type, level }) => this.details(type, level));
    const hls = (this.hls = new Hls({ ...CONFIG, fLoader: loaderWith(this.preload) }));
    hls.on(Hls.Events.ERROR, (_, data) => this.error(data));
    hls.on(Hls.Events.BUFFER_CODECS, (_, tracks) => {
      owner.tracks({
        video: Boolean(tracks.video || tracks.audiovideo || this.hasVideo()),
        audio: Boolean(tracks.audio || tracks.audiovideo || hls.audioTracks.length),
      });
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      const level = owner.choose(this.levels);
      if (level !== -1) hls.startLevel = hls.loadLevel = level;
      owner.levels();
    });
    hls.on(Hls.Events.LEVELS_UPDATED, () => owner.levels());
    hls.on(Hls.Events.LEVEL_SWITCHED, () => owner.levels());
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => this.follow(details));
    hls.on(Hls.Events.FRAG_LOADED, (_, { part }) => {
      this.failing = false;
      const { ahead, loading } = part?.stats ?? {};
      if (!part || ahead) return; // it need not have been there
      this.pace.way(loading.first - loading.start);
      this.preload.worth.way(loading.first - loading.start);
    });
    hls.on(Hls.Events.FRAG_BUFFERED, () => {
      this.started = true;
      this.recovery.progress();
      owner.progress();
    });
    hls.on(Hls.Events.BUFFER_APPENDED, () => this.arrived());
    // Sound waits for the picture's first time, and would see only at the next tick of 100 ms, and load at the one after.
    hls.on(Hls.Events.INIT_PTS_FOUND, () => {
      for (let tick = 0; tick < 2; tick += 1) hls.audioStreamController?.tick();
    });
    hls.loadSource(`${url}?start=parts`); // it can begin before the first segment is whole
    hls.attachMedia(video);
  }

  /** The playlist's [start, end] on the video's clock, or null when there is no fresh one. */
  get window() {
    const details = this.hls.latestLevelDetails;
    return details && details.age < 2 * details.targetduration ? [details.fragmentStart, details.edge] : null;
  }

  /** Where on the video's clock a viewer may be at most, or null. */
  get live() {
    return this.hls.liveSyncPosition;
  }

  /** Where to go to be live, or null: as far from that as this connection has needed of late. */
  get calm() {
    const { live } = this;
    return live === null ? null : live - this.pace.tooClose(performance.now(), live);
  }

  /** How far behind that to catch up by playing faster, in seconds. */
  get mostBehind() {
    return 6;
  }

  /** The wall-clock time of the picture shown, as a Date, or null. */
  get date() {
    return this.hls.playingDate;
  }

  /** The pictures that can be chosen, as { url, width, height, frameRate }. */
  get levels() {
    return this.hls.levels.map(({ uri, width, height, frameRate }) => ({ url: uri, width, height, frameRate }));
  }

  /** The index of the level that is shown, or -1. */
  get shown() {
    return this.hls.currentLevel;
  }

  /** The index of the level that was chosen; -1 leaves it to hls.js. */
  get level() {
    return this.hls.autoLevelEnabled ? -1 : this.hls.loadLevel;
  }

  set level(index) {
    if (index === this.level) return;
    if (index === -1) this.hls.loadLevel = -1; // what is buffered is as good
    else this.hls.nextLevel = index;
  }

  /** Whether the picture is on its way, or being tried for again. */
  get busy() {
    return this.failing || performance.now() - this.preload.pictureAt < ARRIVING;
  }

  /** Play as fast as is good now. Called a few times a second; `playing`: whether the playhead moves. */
  keepPace(playing) {
    const { live } = this;
    const rate = playing && live !== null ? this.pace.rate(performance.now(), this.video.currentTime, live) : 1;
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  /** What came since `since` (ms) came as it never does while the connection is well. */
  hadOutage(since) {
    this.pace.forget(since);
  }

  /** Something was appended. */
  arrived() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i)) {
        this.pace.arrived(performance.now(), buffered.end(i));
      }
    }
  }

  destroy() {
    clearTimeout(this.timer);
    this.hls.destroy();
    this.preload.drop();
  }

  hasVideo() {
    return this.hls.levels.some((level) => level.width > 0 || level.videoCodec);
  }

  /** The playlist of a rendition, as hls.js has read it; undefined before. */
  details(type, level) {
    return (type === "audio" ? this.hls.audioTracks : this.hls.levels)[level]?.details;
  }

  /** A playlist that has nothing in common with the one before: hls.js would guess where on its clock it belongs. */
  follow(details) {
    const torn = details.startSN > this.lastNumber + 1;
    this.lastNumber = details.endSN;
    if (torn) this.owner.restart(0, "torn");
  }

  error(data) {
    if (data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) this.owner.stalled();
    if (data.type === "networkError" && data.frag) this.failing = true;
    if (!data.fatal) return;
    const { act, after } = this.recovery.fatal(data.type, this.started, performance.now());
    if (data.details === Hls.ErrorDetails.MANIFEST_LOAD_ERROR && data.response?.code === 404) {
      this.owner.restart(after, "not yet"); // on air, but without a segment so far
      return;
    }
    this.owner.fatal({ type: data.type, details: data.details, status: data.response?.code ?? null, act });
    if (act === "recover") {
      this.hls.recoverMediaError();
    } else if (act === "reload") {
      this.later(after, () => this.hls.startLoad());
    } else {
      this.owner.restart(after, data.details);
    }
  }

  later(milliseconds, action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, milliseconds);
  }
}
