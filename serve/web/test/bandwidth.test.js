import assert from "node:assert/strict";
import test from "node:test";

import { Bandwidth } from "../src/logic/bandwidth.js";

const DEFAULT = 3_200_000;
const PART = 0.2; // seconds

/** Load `count` parts of `bitrate` by a connection of `carries` (bit/s). */
function load(bandwidth, count, bitrate, carries) {
  for (let i = 0; i < count; i += 1) {
    bandwidth.sample((1000 * bitrate * PART) / carries, (bitrate * PART) / 8, PART);
  }
}

const near = (found, expected, tolerance) =>
  assert.ok(Math.abs(found - expected) <= tolerance * expected, `${found} is not about ${expected}`);

test("as long as nothing is known, the default counts", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  assert.equal(bandwidth.canEstimate(), false);
  assert.equal(bandwidth.getEstimate(), DEFAULT);
});

test("a steady connection is known at once", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  load(bandwidth, 1, 900_000, 1_500_000);
  assert.equal(bandwidth.canEstimate(), true);
  near(bandwidth.getEstimate(), 1_500_000, 0.01);
});

test("a connection that becomes slow is seen within three segments, however quick it was", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  bandwidth.sample(20, 1_000_000, 2); // 400 Mbit/s
  load(bandwidth, 40, 1_000_000, 50_000_000);
  load(bandwidth, 30, 1_000_000, 700_000);
  near(bandwidth.getEstimate(), 700_000, 0.3);
});

test("a connection that becomes quick again is seen by the parts of a low level", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  load(bandwidth, 40, 500_000, 700_000);
  load(bandwidth, 50, 500_000, 20_000_000);
  assert.ok(bandwidth.getEstimate() > 4_000_000);
});

test("a still picture does not look like a slow connection", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  load(bandwidth, 20, 1_000_000, 20_000_000);
  const before = bandwidth.getEstimate();
  for (let i = 0; i < 100; i += 1) bandwidth.sample(30, 300, PART);
  assert.equal(bandwidth.getEstimate(), before);
});

test("... but a small part that takes long does", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  for (let i = 0; i < 5; i += 1) bandwidth.sample(400, 3000, PART);
  near(bandwidth.getEstimate(), 60_000, 0.01);
});

test("the way there and back is the shortest wait of late", () => {
  const bandwidth = new Bandwidth(DEFAULT);
  for (const wait of [5, 60, 40, 90]) bandwidth.sampleTTFB(wait);
  assert.equal(bandwidth.getEstimateTTFB(), 5);
  for (let i = 0; i < 20; i += 1) bandwidth.sampleTTFB(80); // another network
  assert.equal(bandwidth.getEstimateTTFB(), 80);
});

test("waits for what is not made yet are not heard", () => {
  const bandwidth = new Bandwidth(1_000_000);
  bandwidth.sampleTTFB(40);
  bandwidth.hearsWaits = false;
  bandwidth.sampleTTFB(1);
  assert.equal(bandwidth.getEstimateTTFB(), 40);
});
