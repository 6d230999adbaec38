import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTO, choices, levelOf, qualities } from "../src/logic/quality.js";

const level = (name, width, height, frameRate = 30) => ({ url: `http://h/hls/demo/b1/${name}.m3u8`, width, height, frameRate });
// hls.js orders levels by bit rate, the lowest first.
const LADDER = [level("480p", 854, 480), level("720p", 1280, 720), level("1080p60", 1920, 1080, 59.94)];

test("qualities are offered best first, by their shorter side and a frame rate above the usual", () => {
  assert.deepEqual(qualities(LADDER), [
    { index: 2, name: "1080p60", label: "1080p60" },
    { index: 1, name: "720p", label: "720p" },
    { index: 0, name: "480p", label: "480p" },
  ]);
});

test("an upright picture is called by its width, as phones do", () => {
  const labels = qualities([level("480p", 480, 854), level("720p", 720, 1280, 25)]).map(({ label }) => label);
  assert.deepEqual(labels, ["720p", "480p"]);
});

test("the host's own picture is told from a rung of the same size", () => {
  const labels = qualities([level("720p", 1280, 720), level("source", 1280, 720)]).map(({ label }) => label);
  assert.deepEqual(labels, ["720p, source", "720p"]);
});

test("nothing is offered where there is nothing to choose", () => {
  assert.deepEqual(qualities([]), []);
  assert.deepEqual(qualities([level("source", 1280, 720)]), []);
  assert.deepEqual(qualities([level("audio", 0, 0, 0)]), []);
});

test("a choice is found again by its name, and one that is gone leaves it to the player", () => {
  const offered = qualities(LADDER);
  assert.equal(levelOf(offered, "720p"), 1);
  assert.equal(levelOf(offered, "360p"), -1);
  assert.equal(levelOf(offered, AUTO), -1);
  assert.equal(levelOf([], "720p"), -1);
});

test("the automatic choice tells what it shows now", () => {
  const offered = qualities(LADDER);
  const rest = [["1080p60", "1080p60"], ["720p", "720p"], ["480p", "480p"]]; // prettier-ignore
  assert.deepEqual(choices(offered, AUTO, 1), [[AUTO, "Auto (720p)"], ...rest]);
  assert.deepEqual(choices(offered, AUTO, -1), [[AUTO, "Auto"], ...rest]);
  assert.deepEqual(choices(offered, "480p", 0), [[AUTO, "Auto"], ...rest]);
  assert.deepEqual(choices(offered, "gone", 0), [[AUTO, "Auto (480p)"], ...rest]);
});
