import assert from "node:assert/strict";
import { test } from "node:test";
import { AFTER, BEFORE, side } from "../src/logic/sample.js";

const DEMO = { name: "demo", state: "live", broadcast: "b1", sample: "/demo/sample.mp4" };
const { sample: _, ...TAKEN_OVER } = DEMO;

test("where the sample is on air, the viewer has the choice", () => {
  assert.equal(side(DEMO, AFTER), AFTER);
  assert.equal(side(DEMO, BEFORE), BEFORE);
});

test("there is none in any other room, nor when somebody else publishes, nor before the room is known", () => {
  for (const room of [TAKEN_OVER, null]) {
    for (const chosen of [AFTER, BEFORE]) assert.equal(side(room, chosen), null);
  }
});
