// The room page and the embedded player: ties the room's state, the player and the page together.

import "./controls.js";
import { viewerId } from "./api.js";
import { choices, levelOf, AUTO } from "./logic/quality.js";
import { badge, face, onAir, playerTask } from "./logic/face.js";
import { texts } from "./logic/texts.js";
import { delayWords, liveSince, roomName, roomTitle } from "./logic/words.js";
import { engineFor, Player } from "./player.js";
import { SampleSwitch } from "./sample.js";
import { RoomWatch } from "./watch.js";

const STUCK = 4000; // ms of stall before the page speaks of it
const MINUTE = 60_000;

const element = (id) => document.getElementById(id);
const stage = element("stage"); // media-chrome's controller, and what goes full screen
const video = element("video");
const curtain = element("curtain");
const unmute = element("unmute");
const quality = element("quality");

const name = roomName(location.pathname);
const supported = engineFor(video) !== null;
const player = new Player(video, `/hls/${encodeURIComponent(name ?? "")}/master.m3u8`, () => update());
const watch = new RoomWatch(name ?? "", viewerId(), heard);
const sample = new SampleSwitch(() => update());
let room = null;
let link = name === null ? "missing" : "ok";
let played = false;

function heard(newRoom, newLink) {
  const back = link !== "ok" && newLink === "ok";
  room = newRoom;
  link = newLink;
  if (back) player.nudge();
  update();
}

/** Bring player and page in line with what is known. Called after every change, so it only sets what differs. */
function update() {
  const file = sample.draw(room);
  if (supported) steer(file);
  const shown = face({ supported, room, link, player: player.state, played, stuck: player.stalledFor > STUCK });
  drawCurtain(shown);
  drawFacts();
  drawQuality();
  unmute.hidden = shown !== null || player.sound !== "off" || player.state === "off";
  element("sound-only").hidden = shown !== null || player.tracks.video;
  watch.playing(player.state === "playing");
}

/** Play the broadcast that is on air or, if it is asked for, the `file` with the demo's sample. */
function steer(file) {
  player.expect((room !== null && onAir(room) && link === "ok") || file !== null);
  if (file !== player.file) {
    if (file !== null) player.playFile(file);
    else if (onAir(room)) player.attach(room.broadcast);
    else player.detach();
  }
  stage.toggleAttribute("data-sample", file !== null);
  if (file !== null) return;
  const task = playerTask({ room, attached: player.attached, player: player.state });
  if (task === "attach") player.attach(room.broadcast);
  else if (task === "detach") player.detach();
  if (player.state === "playing") played = true;
}

function drawCurtain(shown) {
  if (stage.dataset.face === (shown ?? "none")) return;
  stage.dataset.face = shown ?? "none";
  const [title, text] = shown === null ? ["", ""] : texts.faces[shown];
  curtain.hidden = shown === null;
  element("face-title").textContent = title;
  element("face-text").textContent = text;
  element("face-play").hidden = shown !== "blocked";
  element("spoken").textContent = `${title} ${text}`;
}

/** The choice of quality; where there is none, there is no control. */
function drawQuality() {
  const offered = choices(player.qualities, player.quality, player.shown);
  quality.hidden = player.qualities.length === 0;
  if (quality.options.length !== offered.length) {
    quality.replaceChildren(...offered.map(() => document.createElement("option")));
  }
  for (const [place, [value, text]] of offered.entries()) {
    const option = quality.options[place];
    option.value = value;
    if (option.textContent !== text) option.textContent = text;
  }
  const chosen = levelOf(player.qualities, player.quality) === -1 ? AUTO : player.quality;
  if (quality.value !== chosen) quality.value = chosen;
}

/** What stands below the picture; the embedded player has none of it. */
function drawFacts() {
  const facts = element("facts");
  const title = room === null ? (name ?? "") : roomTitle(room);
  const isLive = room !== null && onAir(room) && link === "ok" && player.file === null;
  document.title = isLive ? texts.liveTitle(title) : texts.pageTitle(title);
  if (facts === null) return;
  write("title", title);
  const state = player.file === null ? badge(room, link) : "unknown";
  facts.dataset.state = state;
  write("badge", texts.badges[state]);
  write("viewers", isLive ? texts.watching(room.viewers) : "");
  write("since", isLive && room.live_since !== null ? liveSince(room.live_since, Date.now() / 1000) : "");
  write("delay", room === null || player.file !== null ? "" : delayWords(room.delay, room.asleep));
}

function write(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
  target.hidden = text === "";
}

function wakeUp() {
  watch.nudge();
  player.nudge();
}

element("unmute-text").textContent = texts.unmute;
element("sound-only-text").textContent = texts.soundOnly;
unmute.addEventListener("click", () => player.unmute());
quality.addEventListener("change", () => player.choose(quality.value));
quality.addEventListener("keydown", (event) => event.stopPropagation()); // no hotkey of the player's
element("face-play").textContent = texts.play;
element("face-play").addEventListener("click", () => player.play());
// The controls would seek to the very edge, where there is nothing yet.
stage.addEventListener("mediaseektoliverequest", (event) => {
  event.stopPropagation();
  player.goLive();
}, { capture: true }); // prettier-ignore
document.addEventListener("visibilitychange", () => document.hidden || wakeUp());
addEventListener("online", wakeUp);
addEventListener("pageshow", (event) => event.persisted && wakeUp());
setInterval(drawFacts, MINUTE);

/** For tests and for the curious: looking only. */
window.veilcast = Object.freeze({
  video,
  get hls() {
    return player.engine?.hls ?? null;
  },
  get state() {
    return Object.freeze({
      room,
      link,
      player: player.state,
      face: stage.dataset.face,
      broadcast: player.attached,
      file: player.file,
      latency: player.latency,
      quality: Object.freeze({
        chosen: player.quality,
        shown: player.qualities.find(({ index }) => index === player.shown)?.name ?? null,
        offered: Object.freeze(player.qualities.map(({ name }) => name)),
      }),
      counters: Object.freeze({ ...player.counters }),
      troubles: Object.freeze([...player.troubles]),
    });
  },
});

update();
if (name !== null) watch.run();
