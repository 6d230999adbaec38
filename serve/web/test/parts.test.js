import assert from "node:assert/strict";
import { test } from "node:test";
import { partsAfter, Worth } from "../src/logic/parts.js";

const part = (sn, index) => ({ fragment: { sn }, index, url: `http://a/720p/${sn}.${index}.m4s` });
const DETAILS = {
  url: "http://a/720p.m3u8?_HLS_msn=8",
  partList: [part(7, 0), part(7, 1), part(8, 0), part(8, 1)],
  preloadHint: { TYPE: "PART", URI: "720p/8.2.m4s" },
};

test("what comes next is as it is listed, over the end of a segment", () => {
  assert.deepEqual(partsAfter(DETAILS, 7, 0, 2), ["http://a/720p/7.1.m4s", "http://a/720p/8.0.m4s"]);
});

test("after the newest part it is what the playlist hints at", () => {
  assert.deepEqual(partsAfter(DETAILS, 8, 1, 2), ["http://a/720p/8.2.m4s"]);
  assert.deepEqual(partsAfter(DETAILS, 8, 0, 2), ["http://a/720p/8.1.m4s", "http://a/720p/8.2.m4s"]);
});

test("without a hint, without parts, or past them, nothing is known to come", () => {
  assert.deepEqual(partsAfter({ ...DETAILS, preloadHint: undefined }, 8, 1, 2), []);
  assert.deepEqual(partsAfter({ ...DETAILS, preloadHint: { TYPE: "MAP", URI: "x" } }, 8, 1, 2), []);
  assert.deepEqual(partsAfter({ ...DETAILS, partList: null }, 8, 1, 2), []);
  assert.deepEqual(partsAfter(DETAILS, 9, 0, 2), []);
});

test("asking ahead is worth it where the server is far away", () => {
  const worth = new Worth();
  assert.equal(worth.now(0), false, "nothing is known yet");
  worth.way(80);
  worth.way(300);
  assert.equal(worth.now(0), true);
  worth.way(4);
  assert.equal(worth.now(0), false, "one answer that was quick shows how near it is");
  for (let i = 0; i < 10; i += 1) worth.way(90);
  assert.equal(worth.now(0), true, "it has moved away");
});

test("it is not while requests wait for a connection, until later", () => {
  const worth = new Worth();
  worth.way(80);
  for (let i = 0; i < 40; i += 1) worth.queued(i % 3 === 0 ? 200 : 2, 0);
  assert.equal(worth.now(0), true, "some do after any trouble");
  for (let i = 0; i < 20; i += 1) worth.queued(200, 1000);
  assert.equal(worth.now(1000), false);
  assert.equal(worth.now(60_000), true);
});
