import assert from "node:assert/strict";
import { test } from "node:test";
import { badge, face, hostAway, onAir, playerTask } from "../src/logic/face.js";
import { texts } from "../src/logic/texts.js";

const room = (state, broadcast = null) => ({ name: "demo", state, broadcast });
const LIVE = room("live", "b1");
const AWAY = room("waiting", "b1");
const WAITING = room("waiting");
const STOPPED = room("stopped");
const COVERED = room("covered", "b1");

const shown = (situation) =>
  face({ supported: true, room: LIVE, link: "ok", player: "off", played: false, stuck: false, ...situation });

test("every state has its face", () => {
  const table = [
    [{ supported: false }, "unsupported"],
    [{ link: "missing", room: null }, "missing"],
    [{ link: "unreachable", room: null }, "unreachable"],
    [{ room: null }, "loading"],
    [{ room: WAITING }, "waiting"],
    [{ room: WAITING, played: true }, "over"],
    [{ room: STOPPED }, "stopped"],
    [{ room: STOPPED, played: true }, "over"],
    [{ room: AWAY }, "away"],
    [{ room: AWAY, player: "stalled" }, "away"],
    [{ player: "loading" }, "loading"],
    [{ player: "blocked" }, "blocked"],
    [{ player: "stalled" }, null],
    [{ player: "stalled", stuck: true }, "buffering"],
    [{ player: "playing" }, null],
    [{ room: room("slate", "b1"), player: "playing" }, null],
    [{ room: COVERED }, "loading"],
    [{ room: COVERED, player: "loading" }, "loading"],
    [{ room: COVERED, player: "playing" }, null],
    [{ room: COVERED, player: "stalled", stuck: true }, "buffering"],
  ];
  for (const [situation, expected] of table) assert.equal(shown(situation), expected, JSON.stringify(situation));
});

test("what still plays is not covered by news of its end", () => {
  for (const change of [{ room: AWAY }, { room: WAITING }, { room: STOPPED }, { link: "unreachable" }]) {
    assert.equal(shown({ player: "playing", played: true, ...change }), null, JSON.stringify(change));
  }
});

test("the player takes up each new broadcast, and only what is on air", () => {
  const table = [
    [{ room: null, attached: null, player: "off" }, "keep"],
    [{ room: WAITING, attached: null, player: "off" }, "keep"],
    [{ room: AWAY, attached: null, player: "off" }, "keep"],
    [{ room: LIVE, attached: null, player: "off" }, "attach"],
    [{ room: LIVE, attached: "b1", player: "playing" }, "keep"],
    [{ room: LIVE, attached: "b0", player: "playing" }, "attach"],
    [{ room: LIVE, attached: "b0", player: "ended" }, "attach"],
    [{ room: AWAY, attached: "b1", player: "stalled" }, "keep"],
    [{ room: room("slate", "b1"), attached: null, player: "off" }, "attach"],
    [{ room: COVERED, attached: null, player: "off" }, "attach"],
    [{ room: COVERED, attached: "b1", player: "playing" }, "keep"],
  ];
  for (const [situation, task] of table) assert.equal(playerTask(situation), task, JSON.stringify(situation));
});

test("a broadcast that is over plays to its end before the player lets go of it", () => {
  assert.equal(playerTask({ room: STOPPED, attached: "b1", player: "playing" }), "keep");
  assert.equal(playerTask({ room: STOPPED, attached: "b1", player: "ended" }), "detach");
  assert.equal(playerTask({ room: WAITING, attached: "b1", player: "stalled" }), "detach");
});

test("nothing starts by itself while the viewer has paused", () => {
  assert.equal(playerTask({ room: LIVE, attached: "b0", player: "paused" }), "keep");
});

test("a covered room is on air: its slate is what there is to see", () => {
  assert.equal(onAir(COVERED), true);
  assert.equal(hostAway(COVERED), false);
  assert.equal(badge(COVERED, "ok"), "covered");
  assert.equal(texts.badges[badge(COVERED, "ok")], "Covered");
});

test("the badge tells a dropped host from one that has not come yet", () => {
  assert.equal(badge(LIVE, "ok"), "live");
  assert.equal(badge(AWAY, "ok"), "away");
  assert.equal(badge(WAITING, "ok"), "waiting");
  assert.equal(badge(null, "ok"), "unknown");
  assert.equal(badge(LIVE, "missing"), "unknown");
  assert.equal(badge(LIVE, "unreachable"), "unknown");
});
