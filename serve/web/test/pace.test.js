import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../src/logic/pace.js";

const PART = 200; // ms
const HOLD_BACK = 0.64; // seconds

/**
 * Play for so many seconds, from `behind` seconds behind the edge on. Part n is made at n * PART ms and comes `late(ms)`
 * seconds later, but not before the one before it. Return the speeds by quarters of a second, and what was left (seconds).
 */
function play(pace, seconds, behind, late, from = 0) {
  let position = from / 1000 - behind;
  let end = null;
  let last = 0;
  const arrivals = [];
  for (let made = from - 2000; made <= from + seconds * 1000; made += PART) {
    last = Math.max(last, made + 1000 * late(made));
    arrivals.push([last, made / 1000]);
  }
  const speeds = [];
  const ahead = [];
  for (let now = from; now < from + seconds * 1000; now += 10) {
    while (arrivals.length && arrivals[0][0] <= now) {
      const [at, to] = arrivals.shift();
      end = to;
      pace.arrived(at, to);
    }
    const live = now / 1000 - HOLD_BACK;
    if (now % 250 === 0) {
      speeds.push(pace.rate(now, position, live));
      ahead.push(end - position);
    }
    position = Math.min(position + 0.01 * pace.speed, end ?? position);
  }
  return { speeds, ahead, behind: from / 1000 + seconds - position };
}

const clean = () => 0.02;
/** Every ten seconds something is so late. */
const lossy = (late) => (made) => 0.1 + (made % 10_000 === 0 ? late : 0);

test("on a clean line it comes as close as it may, and stays", () => {
  const { speeds, ahead, behind } = play(new Pace(), 60, 1.6, clean);
  assert.ok(Math.max(...speeds) <= 1.1 && Math.min(...speeds) >= 1, String(speeds));
  assert.ok(behind < HOLD_BACK + 0.25, `${behind} s behind`);
  assert.ok(Math.min(...ahead.slice(8)) > 0.2);
  assert.ok(speeds.slice(-80).filter((speed) => speed !== 1).length < 8, "it does not go up and down");
});

test("nearer than the playlist says it never goes", () => {
  const { behind } = play(new Pace(), 120, HOLD_BACK, () => 0);
  assert.ok(behind > HOLD_BACK - 0.01);
});

test("where parts come late now and then it stays as far away as that takes", () => {
  const { ahead, behind } = play(new Pace(), 120, 1.4, lossy(0.8));
  assert.ok(Math.min(...ahead.slice(60)) > 0.1, "nothing runs dry");
  assert.ok(behind > 1 && behind < 1.8, `${behind} s behind`);
});

test("too close for its line it plays slower, until there is enough", () => {
  const { speeds, behind } = play(new Pace(), 120, HOLD_BACK, lossy(0.6));
  assert.ok(Math.min(...speeds) < 1 && Math.min(...speeds) >= 0.9);
  assert.ok(behind > 0.9, `${behind} s behind`);
});

test("what is far away is kept more of, before anything has come late", () => {
  const [near, far] = [5, 80].map((way) => {
    const pace = new Pace();
    for (let part = 0; part < 20; part += 1) pace.way(way + (part % 3));
    return play(pace, 90, 2, clean);
  });
  assert.ok(far.behind > near.behind + 0.4 && far.behind < 1.8, `${near.behind} and ${far.behind} s behind`);
  assert.ok(Math.min(...far.ahead.slice(40)) > 0.8);
});

test("a line that has become better is believed after half a minute", () => {
  const pace = new Pace();
  const bad = play(pace, 60, 1.4, lossy(0.8));
  const good = play(pace, 60, bad.behind, clean, 60_000);
  assert.ok(good.behind < bad.behind - 0.3, `${bad.behind}, then ${good.behind} s behind`);
});

test("an outage says nothing of the line when it is well", () => {
  const pace = new Pace();
  play(pace, 20, 1, clean);
  pace.arrived(30_000, 20); // ten seconds without anything, then all at once
  pace.arrived(30_010, 29.9);
  assert.ok(pace.tooClose(30_010, 30 - HOLD_BACK) > 1);
  pace.forget(20_000);
  assert.equal(pace.tooClose(30_010, 30 - HOLD_BACK), 0);
});

test("no line gets more than a second and a half, however bad it is", () => {
  const pace = new Pace();
  const { behind } = play(pace, 120, 2, lossy(6));
  assert.ok(pace.tooClose(120_000, 120 - HOLD_BACK) <= 1.5);
  assert.ok(behind < HOLD_BACK + 1.5 + 7, "it does not go on playing slower");
});

test("where the connection carries hardly more than is played, nobody catches up so fast that it runs dry", () => {
  const pace = new Pace();
  play(pace, 40, 1, clean);
  // Four seconds behind, with next to nothing buffered; from then on 1.2 seconds of media come in a second.
  let [position, end] = [36, 36.1];
  pace.arrived(40_000, end);
  let still = 0;
  for (let now = 40_000; now < 100_000; now += 10) {
    if (now % 170 === 0 && end < now / 1000 - 0.1) pace.arrived(now, (end += 0.2));
    if (now % 250 === 0) pace.rate(now, position, now / 1000 - HOLD_BACK);
    const next = position + 0.01 * pace.speed;
    if (next > end) still += 1;
    else position = next;
  }
  assert.ok(still <= 20, `${still / 100} s of standing still`);
  assert.ok(100 - position < HOLD_BACK + 1.5 + 0.5, `${100 - position} s behind`);
});

test("as long as nothing is known it plays as fast as time goes by", () => {
  const pace = new Pace();
  assert.equal(pace.rate(0, 5, 9), 1);
  assert.equal(pace.tooClose(0, 9), 0);
});
