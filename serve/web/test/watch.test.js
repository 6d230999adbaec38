import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomWatch } from "../src/watch.js";

const WAITING = { name: "demo", state: "waiting", broadcast: null };
const LIVE = { name: "demo", state: "live", broadcast: "b1" };

/** Stands in for the browser: answers as told, keeps the streams that were opened, and has a clock of its own. */
class FakeBrowser {
  constructor(...answers) {
    this.answers = answers;
    this.asked = [];
    this.streams = [];
    this.timers = new Map();
    const browser = this;
    this.EventSource = class {
      constructor(url) {
        this.url = url;
        this.listeners = {};
        this.open = true;
        browser.streams.push(this);
      }
      addEventListener(name, listener) {
        this.listeners[name] = listener;
      }
      close() {
        this.open = false;
      }
    };
  }

  async fetch(url, { method, body }) {
    this.asked.push(`${method} ${url.replace("/api/v1/rooms/demo", "…")}${body ?? ""}`);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer === "refused") throw new TypeError("refused");
    if (typeof answer === "number") return { ok: false, status: answer };
    return { ok: true, json: async () => answer };
  }

  setTimeout(action, milliseconds) {
    const timer = Symbol("timer");
    this.timers.set(timer, { action, milliseconds });
    return timer;
  }

  clearTimeout(timer) {
    this.timers.delete(timer);
  }

  /** What is waited for now, in milliseconds. */
  get waits() {
    return [...this.timers.values()].map(({ milliseconds }) => milliseconds);
  }

  /** Let all timers run out. */
  async pass() {
    for (const [timer, { action }] of [...this.timers]) {
      this.timers.delete(timer);
      action();
    }
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function start(...answers) {
  const browser = new FakeBrowser(...answers);
  const heard = [];
  const watch = new RoomWatch("demo", "me", (room, link) => heard.push([room?.state ?? null, link]), browser);
  watch.run();
  await settled();
  return { browser, heard, watch };
}

test("a waiting room is followed by its event stream", async () => {
  const { browser, heard, watch } = await start(WAITING);
  assert.equal(browser.streams[0].url, "/api/v1/rooms/demo/events");
  browser.streams[0].listeners.state({ data: JSON.stringify(LIVE) });
  assert.deepEqual(heard, [["waiting", "ok"], ["live", "ok"]]); // prettier-ignore
  watch.close();
});

test("no event stream is open while something plays: the heartbeat brings the state", async () => {
  const { browser, watch } = await start(WAITING, LIVE);
  watch.playing(true);
  await settled();
  assert.deepEqual(browser.streams.map(({ open }) => open), [false]); // prettier-ignore
  assert.equal(browser.asked.at(-1), 'POST …/heartbeat{"viewer":"me"}');
  assert.deepEqual(browser.waits, [5000]);
  watch.close();
});

test("a room on air gets time to play before an event stream is opened", async () => {
  const { browser, watch } = await start(LIVE);
  assert.equal(browser.streams.length, 0);
  await browser.pass();
  assert.equal(browser.streams.length, 1);
  watch.close();
});

test("a broken event stream is followed by a question, and that by a new stream", async () => {
  const { browser, watch } = await start(WAITING);
  browser.streams[0].listeners.error();
  await settled();
  assert.equal(browser.streams[0].open, false);
  await browser.pass();
  assert.equal(browser.asked.length, 2);
  assert.equal(browser.streams.length, 2);
  watch.close();
});

test("a server that does not answer is asked again until it does", async () => {
  const { browser, heard, watch } = await start("refused", 503, WAITING);
  await browser.pass();
  await browser.pass();
  assert.deepEqual(heard, [[null, "unreachable"], [null, "unreachable"], ["waiting", "ok"]]); // prettier-ignore
  watch.close();
});

test("a room that does not exist is asked for now and then", async () => {
  const { browser, heard, watch } = await start(404, LIVE);
  assert.deepEqual(browser.waits, [5000]);
  await browser.pass();
  assert.deepEqual(heard, [[null, "missing"], ["live", "ok"]]); // prettier-ignore
  watch.close();
});

test("a page that comes back into sight asks at once", async () => {
  const { browser, watch } = await start("refused");
  watch.nudge();
  await settled();
  assert.equal(browser.asked.length, 2);
  watch.close();
});

test("nothing is asked or left open after the end", async () => {
  const { browser, watch } = await start(WAITING);
  watch.close();
  await settled();
  await browser.pass();
  assert.equal(browser.asked.length, 1);
  assert.equal(browser.streams[0].open, false);
});
