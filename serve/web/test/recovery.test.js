import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/logic/backoff.js";
import { Playhead, Recovery } from "../src/logic/recovery.js";

const never = () => 0;

test("pauses grow to the longest one and never end", () => {
  const backoff = new Backoff(100, 1000, never);
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(pauses, [100, 160, 256, 410, 655, 1000, 1000, 1000]);
  backoff.reset();
  assert.equal(backoff.next(), 100);
});

test("chance shortens a pause by a fifth at most", () => {
  assert.equal(new Backoff(100, 1000, () => 1).next(), 80);
});

test("a network error is answered by loading on, then by beginning anew, forever", () => {
  const recovery = new Recovery(never);
  const acts = Array.from({ length: 9 }, () => recovery.fatal("networkError", true, 0).act);
  assert.deepEqual(acts, ["reload", "reload", "reload", "attach", "reload", "reload", "reload", "attach", "reload"]);
});

test("before any media has come there is nothing to load on from", () => {
  assert.equal(new Recovery(never).fatal("networkError", false, 0).act, "attach");
});

test("media that arrives makes the next pause short again", () => {
  const recovery = new Recovery(never);
  for (let i = 0; i < 5; i++) recovery.fatal("networkError", true, 0);
  recovery.progress();
  assert.deepEqual(recovery.fatal("networkError", true, 0), { act: "reload", after: 250 });
});

test("a media error gets new decoders once, and a new attachment if that did not help", () => {
  const recovery = new Recovery(never);
  assert.deepEqual(recovery.fatal("mediaError", true, 0), { act: "recover", after: 0 });
  assert.equal(recovery.fatal("mediaError", true, 3000).act, "attach");
  assert.equal(recovery.fatal("mediaError", true, 30_000).act, "recover");
});

// A player at 10 s of a live stream whose playlist reaches from 0 to 20 s, with nothing to play on.
const STILL = {
  now: 0,
  position: 10,
  idle: false,
  buffered: [[5, 10]],
  window: [0, 20],
  live: 19,
  mostBehind: Infinity,
  expected: true,
  busy: false,
};

/** Look every 250 ms until `until` (ms), obeying where the playhead stands still; return what was advised, and when. */
function watch(situation, until) {
  const playhead = new Playhead();
  const advice = [];
  let position = STILL.position;
  for (let now = 0; now <= until; now += 250) {
    const change = typeof situation === "function" ? situation(now) : situation;
    const answer = playhead.look({ ...STILL, position, now, ...change });
    if (answer) advice.push({ now, ...answer });
    if (answer?.act === "seek") position = answer.to;
  }
  return advice;
}

test("a playhead that moves is left alone", () => {
  assert.deepEqual(watch((now) => ({ position: 10 + now / 1000, live: 11 + now / 1000 }), 60_000), []);
});

test("so is one that the viewer has paused", () => {
  assert.deepEqual(watch({ idle: true, mostBehind: 3 }, 60_000), []);
});

test("media after a hole is played, however large the hole", () => {
  const [first] = watch({ buffered: [[5, 10], [72, 74]] }, 2000); // prettier-ignore
  assert.deepEqual([first.act, first.why], ["seek", "hole"]);
  assert.ok(first.to > 72 && first.to < 72.2);
  assert.ok(first.now < 1000);
});

test("a hole is skipped even while nothing is expected of the host", () => {
  assert.equal(watch({ expected: false, buffered: [[5, 10], [72, 74]] }, 1000)[0].why, "hole"); // prettier-ignore
});

test("a playhead out of the window goes to the live position", () => {
  const [first] = watch({ window: [40, 60], live: 59 }, 2000);
  assert.deepEqual([first.act, first.why, first.to], ["seek", "window", 59]);
});

test("a player that does not move goes live, and then begins anew", () => {
  assert.deepEqual(watch({}, 13_000).map(({ act, why }) => [act, why]), [["seek", "dry"], ["attach", "stuck"]]); // prettier-ignore
});

test("one with nothing left to play goes live soon, if there is more to be had", () => {
  const [dry, ...more] = watch({}, 11_000);
  assert.deepEqual([dry.act, dry.why, dry.to], ["seek", "dry", 19]);
  assert.ok(dry.now > 1500 && dry.now <= 2000);
  assert.deepEqual(more, [], "what it loads there may take its time");
});

test("one that could play on, or has had nothing yet, gets more time", () => {
  for (const buffered of [[[5, 15]], []]) {
    const [first] = watch({ buffered }, 6000);
    assert.equal(first.why, "stuck");
    assert.ok(first.now > 5000);
  }
});

test("where nothing more has been made yet there is nothing to go to", () => {
  assert.deepEqual(watch({ window: [0, 11.5], live: 11 }, 5000), []);
  assert.deepEqual(watch({ window: null, live: 19 }, 5000), [], "an edge that is only guessed is none");
});

test("what is on its way, or tried for again, is left alone for longer", () => {
  const [first] = watch({ busy: true }, 6000);
  assert.ok(first.why === "stuck" && first.now > 5000);
});

test("a network that is too slow makes it go live again, but not all the time", () => {
  const playhead = new Playhead();
  const seeks = [];
  let position = 10;
  for (let now = 0; now <= 30_000; now += 250) {
    if (now % 2000 === 0) position += 0.2; // a part arrives, and is played
    const live = 15 + now / 1000;
    const answer = playhead.look({ ...STILL, now, position, buffered: [[5, position]], window: [0, live + 1], live });
    if (!answer) continue;
    seeks.push(now);
    position = answer.to;
  }
  assert.ok(seeks.length > 1);
  assert.ok(seeks.every((now, i) => i === 0 || now - seeks[i - 1] > 3000), String(seeks));
});

test("without a host nothing is tried, and the clock starts when it is back", () => {
  assert.deepEqual(watch({ expected: false }, 60_000), []);
  const back = watch((now) => ({ expected: now >= 50_000 }), 56_000);
  assert.ok(back[0].now > 51_000 && back[0].why === "dry");
});

test("being far behind is ended by a jump, since playing faster would take too long", () => {
  const [late, ...more] = watch((now) => ({ position: 10 + now / 1000, live: 20 + now / 1000, buffered: [[5, 40]], mostBehind: 3 }), 4000);
  assert.deepEqual([late.why, late.to], ["behind", 20 + late.now / 1000]);
  assert.deepEqual(more, [], "the jump gets time to work");
});

/** It plays for a while, stands still for 4 s, and is `behind` when it goes on. */
const stalled = (behind, played = 2000) => (now) => {
  const stands = now >= played && now < played + 4000;
  const position = now < played ? 10 + now / 1000 : 12 + Math.max(0, now - played - 4000) / 1000;
  const live = position + (now < played + 4000 ? 1 : behind);
  return { position, buffered: [[5, stands ? position : 60]], window: null, live, mostBehind: 3 };
};

test("after a stall it comes at once: the viewer has lost the thread anyway", () => {
  const [late, ...more] = watch(stalled(9), 9000);
  assert.deepEqual([late.why, late.since], ["behind", 2000], "it had stood still since then");
  assert.ok(late.now <= 6500, `at ${late.now}`);
  assert.deepEqual(more, []);
  assert.deepEqual(watch(stalled(2), 10_000), []);
});

test("nobody is sent where the next stall waits: a little behind, it goes on playing where live is not loaded yet", () => {
  const narrow = (behind) => (now) => ({ ...stalled(behind)(now), buffered: [[5, stalled(behind)(now).position + 0.5]] });
  assert.deepEqual(watch(narrow(6), 20_000), []);
  assert.equal(watch(narrow(14), 9000)[0].why, "behind", "so far behind it is worth a stall");
});

test("what it waits for before it plays is no stall", () => {
  const [late] = watch(stalled(9, 0), 9000);
  assert.ok(late.now >= 5500, `at ${late.now}`);
});
