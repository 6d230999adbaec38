import assert from "node:assert/strict";
import { test } from "node:test";
import { delayWords, liveSince, roomName, roomTitle } from "../src/logic/words.js";

test("the time on air is told in minutes and hours", () => {
  assert.equal(liveSince(1000, 1059), "Live since just now");
  assert.equal(liveSince(1000, 1060), "Live for 1 min");
  assert.equal(liveSince(1000, 1000 + 3600 + 120), "Live for 1 h 2 min");
});

test("a viewer whose clock is slow sees no negative time", () => {
  assert.equal(liveSince(1000, 400), "Live since just now");
});

test("a delay is told in words, and only when there is one", () => {
  assert.equal(delayWords(0), "");
  assert.equal(delayWords(1), "Shown 1 second later, for moderation");
  assert.equal(delayWords(4.04), "Shown 4 seconds later, for moderation");
});

test("whoever finds moderation asleep is told how long it takes to wake up", () => {
  assert.equal(delayWords(4, true), "Nobody was watching: moderation wakes up, about 4 s");
  assert.equal(delayWords(2.5, true), "Nobody was watching: moderation wakes up, about 3 s");
});

test("a room without a title is called by its name", () => {
  assert.equal(roomTitle({ name: "talk", title: "" }), "talk");
  assert.equal(roomTitle({ name: "talk", title: "Tuesday" }), "Tuesday");
});

test("the room's name comes from the path", () => {
  assert.equal(roomName("/r/demo"), "demo");
  assert.equal(roomName("/embed/demo/"), "demo");
  assert.equal(roomName("/r/caf%C3%A9"), "café");
  for (const path of ["/", "/r/", "/r/a/b", "/r/%E0%A4%A"]) assert.equal(roomName(path), null, path);
});
